import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const ESTABLISHED = '01';

/** TCP connections that a process holds at the moment, listening sockets not included; to one port if that is given. */
export function establishedSockets(pid: number, remotePort?: number): number {
  const own = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const target = linkTarget(`/proc/${pid}/fd/${fd}`);
    const [, inode] = /^socket:\[(\d+)\]$/.exec(target) ?? [];
    if (inode !== undefined) own.add(inode);
  }
  let count = 0;
  for (const table of ['tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/${pid}/net/${table}`, 'utf8').trim().split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      const port = Number.parseInt(columns[2]?.split(':')[1] ?? '', 16);
      const isAsked = remotePort === undefined || port === remotePort;
      if (isAsked && columns[3] === ESTABLISHED && own.has(columns[9] ?? '')) count++;
    }
  }
  return count;
}

/** Empty for a descriptor that was closed meanwhile. */
function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
