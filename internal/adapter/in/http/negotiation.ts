/** True if `Accept` likes CSV better than JSON; without a preference it is JSON. */
export function prefersCsv(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return qualityOf(accept, 'text', 'csv') > qualityOf(accept, 'application', 'json');
}

/** RFC 9110, 12.5.1: of the ranges that match, the most specific one counts; 0 = not acceptable. */
function qualityOf(accept: string, type: string, subtype: string): number {
  let best = { specificity: -1, quality: 0 };
  for (const range of accept.toLowerCase().split(',')) {
    const [media = '', ...parameters] = range.split(';').map((part) => part.trim());
    const specificity = [`*/*`, `${type}/*`, `${type}/${subtype}`].indexOf(media);
    if (specificity <= best.specificity) continue;
    const weight = parameters.find((parameter) => /^q\s*=/.test(parameter));
    const quality = weight === undefined ? 1 : Number(weight.slice(weight.indexOf('=') + 1));
    best = { specificity, quality: quality >= 0 && quality <= 1 ? quality : 0 };
  }
  return best.quality;
}

/** RFC 9110, 13.1.2, by weak comparison. */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}
