import type { ApiDocument, ApiOperation, ApiParameter, ApiResponse } from './openapi.ts';
import { escapeHtml, renderPage } from './page.ts';
import { PROBLEM_CODES, PROBLEMS } from './problem.ts';

/** One static page from the API document; `port` is for the curl lines. */
export function renderDocs(document: ApiDocument, port: number): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const sections = document.tags.map(({ name, description }) => {
    const articles = operations
      .filter(({ operation }) => operation.tags?.includes(name))
      .map(({ path, method, operation }) => article(method, path, operation, port));
    return `<h2 id="${escapeHtml(name)}">${escapeHtml(name)}</h2><p class="soft">${escapeHtml(description)}</p>${articles.join('')}`;
  });
  const index = document.tags.map(({ name }) => `<a href="#${escapeHtml(name)}">${escapeHtml(name)}</a>`);
  return renderPage(
    'MarketFlow API',
    `<h1>${escapeHtml(document.info.title)} API <span class="soft">${escapeHtml(document.info.version)}</span></h1>
<p>${escapeHtml(document.info.description)}</p>
<p>${index.join(' · ')} · <a href="#problems">Problems</a> · <a href="#schemas">Schemas</a></p>
${sections.join('')}${problemSection()}${schemaSection(document)}`,
  );
}

function article(method: string, path: string, operation: ApiOperation, port: number): string {
  const description = operation.description === undefined ? '' : `<p>${escapeHtml(operation.description)}</p>`;
  return `<article id="${escapeHtml(operation.operationId ?? path)}">
<h3><span class="method ${method}">${method.toUpperCase()}</span> <code>${escapeHtml(path)}</code></h3>
<p>${escapeHtml(operation.summary ?? '')}</p>${description}
${parameterTable(operation.parameters ?? [])}
<h4>Example</h4><pre>${escapeHtml(curlLine(method, path, operation.parameters ?? [], port))}</pre>
<h4>Responses</h4><table>${Object.entries(operation.responses).map(responseRow).join('')}</table></article>`;
}

function parameterTable(parameters: readonly ApiParameter[]): string {
  if (parameters.length === 0) return '';
  const rows = parameters.map(
    ({ name, in: place, required, description, schema }) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(place)}${required === true ? '' : ', optional'}</td>
<td>${escapeHtml(description ?? '')} <code>${escapeHtml(typeName(schema))}</code></td></tr>`,
  );
  return `<h4>Parameters</h4><table>${rows.join('')}</table>`;
}

function curlLine(method: string, path: string, parameters: readonly ApiParameter[], port: number): string {
  const query: string[] = [];
  let target = path;
  for (const { name, in: place, example } of parameters) {
    const value = encodeURIComponent(String(example ?? name));
    if (place === 'path') target = target.replace(`{${name}}`, value);
    else if (example !== undefined) query.push(`${name}=${value}`);
  }
  const suffix = query.length > 0 ? `?${query.join('&')}` : '';
  return `curl -s ${method === 'post' ? '-X POST ' : ''}'http://localhost:${port}${target}${suffix}'`;
}

function responseRow([status, response]: [string, ApiResponse]): string {
  const media = Object.entries(response.content ?? {}).map(([type, { schema }]) => {
    const name = schemaLink(schema);
    return `<code>${escapeHtml(type)}</code>${name === '' ? '' : ` ${name}`}`;
  });
  return `<tr><td><strong>${escapeHtml(status)}</strong></td><td>${escapeHtml(response.description)}</td><td>${media.join(', ')}</td></tr>`;
}

function problemSection(): string {
  const rows = PROBLEM_CODES.map(
    (code) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${PROBLEMS[code].status}</td><td>${escapeHtml(PROBLEMS[code].detail)}</td></tr>`,
  );
  return `<h2 id="problems">Problems</h2><p class="soft">The <code>code</code> of a problem document.</p><table>${rows.join('')}</table>`;
}

function schemaSection(document: ApiDocument): string {
  const articles = Object.entries(document.components.schemas).map(([name, schema]) => {
    const { description, properties } = schema as {
      description?: string;
      properties?: Readonly<Record<string, Schema>>;
    };
    const example = JSON.stringify(exampleOf(schema), null, 2);
    return `<article id="schema-${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3><p>${escapeHtml(description ?? '')}</p>
<table>${Object.entries(properties ?? {})
      .map(propertyRow)
      .join('')}</table>
<h4>Example</h4><pre>${escapeHtml(example)}</pre>
<details><summary>JSON Schema</summary><pre>${escapeHtml(JSON.stringify(schema, null, 2))}</pre></details></article>`;
  });
  return `<h2 id="schemas">Schemas</h2>${articles.join('')}`;
}

type Schema = Readonly<Record<string, unknown>>;

function propertyRow([name, schema]: [string, Schema]): string {
  return `<tr><td><code>${escapeHtml(name)}</code></td><td><code>${escapeHtml(typeName(schema))}</code></td><td>${escapeHtml(String(schema['description'] ?? ''))}</td></tr>`;
}

function schemaLink(schema: object): string {
  const name = '$ref' in schema ? String(schema.$ref).split('/').at(-1) : undefined;
  return name === undefined ? '' : `<a href="#schema-${escapeHtml(name)}">${escapeHtml(name)}</a>`;
}

function typeName(schema: Schema): string {
  const options = listOf(schema['enum']);
  if (options.length > 0) return options.map(String).join(' | ');
  const branches = listOf(schema['anyOf']) as Schema[];
  if (branches.length > 0) return branches.map(typeName).join(' | ');
  if (schema['type'] === 'array') return `${typeName(schema['items'] as Schema)}[]`;
  const type = [schema['type'] ?? 'any'].flat().join(' | ');
  return schema['pattern'] === undefined ? type : `${type} ${String(schema['pattern'])}`;
}

/** A value that fits the schema, from its examples where it has some. */
function exampleOf(schema: object): unknown {
  const { type, examples, properties, items, anyOf, enum: options, const: only } = schema as Schema;
  if (only !== undefined) return only;
  const first = listOf(examples)[0] ?? listOf(options)[0];
  if (first !== undefined) return first;
  const branch = listOf(anyOf)[0];
  if (branch !== undefined) return exampleOf(branch as Schema);
  if (type === 'object') {
    return Object.fromEntries(
      Object.entries((properties ?? {}) as Record<string, Schema>).map(([name, part]) => [name, exampleOf(part)]),
    );
  }
  if (type === 'array') return [exampleOf(items as Schema)];
  if (type === 'boolean') return true;
  return type === 'integer' || type === 'number' ? 0 : 'text';
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
