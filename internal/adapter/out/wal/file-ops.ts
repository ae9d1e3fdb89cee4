import fs from 'node:fs';
import { mkdir, readdir, stat, statfs, unlink } from 'node:fs/promises';

/** The file system as the log uses it: plain calls, so that a test can make any of them fail. */
export interface FileOps {
  mkdir(dir: string): Promise<void>;
  list(dir: string): Promise<string[]>;
  stat(path: string): Promise<{ readonly bytes: number; readonly modifiedAtMs: number }>;
  freeSpace(dir: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
  unlink(path: string): Promise<void>;
  /** `create` fails if the file exists. */
  open(path: string, how: 'read' | 'change' | 'create'): Promise<number>;
  close(fd: number): Promise<void>;
  /** Both may move fewer bytes than asked; both say how many. */
  read(fd: number, into: Uint8Array, at: number, bytes: number, fileOffset: number): Promise<number>;
  write(fd: number, from: Uint8Array, at: number, bytes: number, fileOffset: number): Promise<number>;
  fdatasync(fd: number): Promise<void>;
  /** Makes the folder's new entries durable. */
  syncDir(dir: string): Promise<void>;
  truncate(fd: number, bytes: number): Promise<void>;
}

const FLAGS = { read: 'r', change: 'r+', create: 'wx+' } as const;

type Done = (error: NodeJS.ErrnoException | null) => void;

function settled(start: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error === null ? resolve() : reject(error))));
}

function open(path: string, flags: string): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, 0o644, (error, fd) => (error === null ? resolve(fd) : reject(error)));
  });
}

export const nodeFileOps: FileOps = {
  async mkdir(dir) {
    await mkdir(dir, { recursive: true });
  },
  list: (dir) => readdir(dir),
  async stat(path) {
    const found = await stat(path);
    return { bytes: found.size, modifiedAtMs: found.mtimeMs };
  },
  async freeSpace(dir) {
    const found = await statfs(dir);
    return { freeBytes: found.bavail * found.bsize, totalBytes: found.blocks * found.bsize };
  },
  unlink,
  open: (path, how) => open(path, FLAGS[how]),
  close: (fd) => settled((done) => fs.close(fd, done)),
  read: (fd, into, at, bytes, fileOffset) =>
    new Promise((resolve, reject) => {
      fs.read(fd, into, at, bytes, fileOffset, (error, moved) => (error === null ? resolve(moved) : reject(error)));
    }),
  write: (fd, from, at, bytes, fileOffset) =>
    new Promise((resolve, reject) => {
      fs.write(fd, from, at, bytes, fileOffset, (error, moved) => (error === null ? resolve(moved) : reject(error)));
    }),
  fdatasync: (fd) => settled((done) => fs.fdatasync(fd, done)),
  async syncDir(dir) {
    const fd = await open(dir, 'r');
    try {
      await settled((done) => fs.fsync(fd, done));
    } finally {
      await settled((done) => fs.close(fd, done));
    }
  },
  truncate: (fd, bytes) => settled((done) => fs.ftruncate(fd, bytes, done)),
};
