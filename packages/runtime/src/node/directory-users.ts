import * as fs from 'node:fs';
import { join } from 'node:path';
import type { DirectoryUser, DirectoryUsers } from '../ports.ts';
import { kill } from './process-trees.ts';

const USERS_MAX = 64;

/** Where a symbolic link of /proc leads; empty when the process is gone, or not ours to look at. */
function target(link: string): string {
  try {
    return fs.readlinkSync(link);
  } catch {
    return '';
  }
}

function openFiles(pid: string): readonly string[] {
  try {
    return fs.readdirSync(`/proc/${pid}/fd`).map((fd) => join(`/proc/${pid}/fd`, fd));
  } catch {
    return [];
  }
}

function mappedFiles(pid: string): readonly string[] {
  try {
    const lines = fs.readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
    return lines.map((line) => line.slice(line.indexOf('/'))).filter((path) => path.startsWith('/'));
  } catch {
    return [];
  }
}

function uses(pid: string, directory: string): boolean {
  const isInside = (path: string): boolean => path === directory || path.startsWith(`${directory}/`);
  const links = ['cwd', 'root', 'exe'].map((name) => `/proc/${pid}/${name}`);
  return (
    [...links, ...openFiles(pid)].some((link) => isInside(target(link))) || mappedFiles(pid).some(isInside)
  );
}

function nameOf(pid: string): string | undefined {
  try {
    return fs.readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function usersOf(directory: string): readonly DirectoryUser[] {
  const others = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  return others
    .filter((pid) => uses(pid, directory))
    .slice(0, USERS_MAX)
    .flatMap((pid) => {
      const name = nameOf(pid);
      return name === undefined ? [] : [{ pid: Number(pid), name }];
    });
}

export const nodeDirectoryUsers: DirectoryUsers = {
  usersOf,
  killUsersOf: (directory) => usersOf(directory).filter(({ pid }) => kill(pid)),
};
