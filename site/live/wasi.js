// The 42 calls by which a WASI program (preview 1) asks its host for files, clocks and chance, answered over a
// tree of files in memory. The program sees one folder, "/", and two streams, which go to `write`.

import {
  EXISTS, INVALID, IS_FOLDER, NONE, NOT_EMPTY, NOT_FOLDER, Refused, names, newDevice, newFile, newFolder, now, resize,
} from "./files.js";

const OK = 0, BAD_FD = 8, NO_SYSTEM = 52, UNSUPPORTED = 58, NO_SEEK = 70;
const DEVICE = 2, FOLDER = 3, FILE = 4;
const CREATE = 1, MUST_BE_FOLDER = 2, EXCLUSIVE = 4, TRUNCATE = 8;
const APPEND = 1;
const ALL_RIGHTS = (1n << 30n) - 1n;
const ROOT_FD = 3;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

// What proc_exit throws: a program that ends does not return from it.
export class Exit extends Error {
  constructor(code) {
    super(`the program ended with exit code ${code}`);
    this.code = code;
  }
}

export class Wasi {
  constructor({ tree, args, environment, write }) {
    this.tree = tree;
    this.args = args.map((text) => encoder.encode(`${text}\0`));
    this.environment = Object.entries(environment).map(([name, value]) => encoder.encode(`${name}=${value}\0`));
    this.opened = [
      { node: newFile(new Uint8Array(0)), at: 0 },
      { node: newDevice((bytes) => write("stdout", bytes)), at: 0 },
      { node: newDevice((bytes) => write("stderr", bytes)), at: 0 },
      { node: tree.root, path: [], at: 0 },
    ];
    this.imports = Object.fromEntries(CALLS.map((name) => [name, (...values) => this.answer(name, values)]));
  }

  set memory(memory) {
    this.linear = memory;
    this.view = new DataView(memory.buffer);
  }

  answer(name, values) {
    if (this.view.buffer !== this.linear.buffer) this.memory = this.linear; // it has grown
    try {
      return this[name](...values) ?? OK;
    } catch (error) {
      if (error instanceof Refused) return error.errno;
      throw error;
    }
  }

  get anyFileOpen() {
    return this.opened.some((one, fd) => one && fd > ROOT_FD);
  }

  bytes(at, length) {
    return new Uint8Array(this.linear.buffer, at, length);
  }

  u32(at, value) {
    this.view.setUint32(at, value, true);
  }

  u64(at, value) {
    this.view.setBigUint64(at, BigInt(value), true);
  }

  path(fd, at, length) {
    const base = this.get(fd);
    if (!base.path) throw new Refused(NOT_FOLDER);
    return names(decoder.decode(this.bytes(at, length)), base.path);
  }

  get(fd) {
    const one = this.opened[fd];
    if (!one) throw new Refused(BAD_FD);
    return one;
  }

  file(fd) {
    const one = this.get(fd);
    if (one.node.entries) throw new Refused(IS_FOLDER);
    return one;
  }

  // [address, length] of each of the buffers that reads and writes come in
  vectors(at, count) {
    return Array.from({ length: count }, (_, i) =>
      [this.view.getUint32(at + 8 * i, true), this.view.getUint32(at + 8 * i + 4, true)]);
  }

  // -- what the program is told at its start

  strings(list, pointers, at) {
    for (const text of list) {
      this.u32(pointers, at);
      this.bytes(at, text.length).set(text);
      pointers += 4;
      at += text.length;
    }
  }

  sizes(list, count, bytes) {
    this.u32(count, list.length);
    this.u32(bytes, list.reduce((sum, text) => sum + text.length, 0));
  }

  args_get(pointers, at) { this.strings(this.args, pointers, at); }
  args_sizes_get(count, bytes) { this.sizes(this.args, count, bytes); }
  environ_get(pointers, at) { this.strings(this.environment, pointers, at); }
  environ_sizes_get(count, bytes) { this.sizes(this.environment, count, bytes); }

  // -- clocks, chance, waiting

  clock_res_get(_clock, at) { this.u64(at, 5000); }
  clock_time_get(_clock, _precision, at) { this.u64(at, now()); }

  random_get(at, length) {
    for (let start = 0; start < length; start += 65536)
      crypto.getRandomValues(this.bytes(at + start, Math.min(65536, length - start)));
  }

  // Files are always ready. Where only time is waited for, there is nothing else to do than to let it pass.
  poll_oneoff(asked, events, count, happened) {
    const all = Array.from({ length: count }, (_, i) => {
      const at = asked + 48 * i;
      const isClock = this.view.getUint8(at + 8) === 0;
      const time = isClock ? this.view.getBigUint64(at + 24, true) : 0n;
      const absolute = isClock && this.view.getUint16(at + 40, true) & 1;
      return { at, isClock, end: isClock ? (absolute ? time : now() + time) : 0n };
    });
    const first = all.reduce((least, one) => (one.end < least ? one.end : least), all[0].end);
    while (now() < first);
    const ready = all.filter((one) => one.end <= first);
    ready.forEach((one, i) => {
      const event = events + 32 * i;
      this.bytes(event, 32).fill(0);
      this.bytes(event, 8).set(this.bytes(one.at, 8));
      this.view.setUint8(event + 10, this.view.getUint8(one.at + 8));
    });
    this.u32(happened, ready.length);
  }

  sched_yield() {}
  proc_exit(code) { throw new Exit(code); }

  // -- what is open

  fd_close(fd) {
    this.get(fd);
    this.opened[fd] = null;
  }

  fd_advise() {}
  fd_datasync() {}
  fd_sync() {}
  fd_fdstat_set_flags(fd, flags) { this.get(fd).append = Boolean(flags & APPEND); }

  fd_fdstat_get(fd, at) {
    const { node, append } = this.get(fd);
    this.bytes(at, 24).fill(0);
    this.view.setUint8(at, kind(node));
    this.view.setUint16(at + 2, append ? APPEND : 0, true);
    this.u64(at + 8, ALL_RIGHTS);
    this.u64(at + 16, ALL_RIGHTS);
  }

  fd_prestat_get(fd, at) {
    if (fd !== ROOT_FD) throw new Refused(BAD_FD);
    this.u32(at, 0);
    this.u32(at + 4, 1);
  }

  fd_prestat_dir_name(_fd, at) { this.view.setUint8(at, "/".charCodeAt(0)); }

  stat(node, at) {
    this.bytes(at, 64).fill(0);
    this.u64(at, 1);
    this.u64(at + 8, node.inode);
    this.view.setUint8(at + 16, kind(node));
    this.u64(at + 24, 1);
    this.u64(at + 32, node.size ?? 0);
    for (const time of [40, 48, 56]) this.u64(at + time, node.time);
  }

  setTime(node, time, flags) {
    if (flags & 8) node.time = now();
    else if (flags & 4) node.time = time;
  }

  fd_filestat_get(fd, at) { this.stat(this.get(fd).node, at); }
  fd_filestat_set_size(fd, size) { resize(this.file(fd).node, Number(size)); }
  fd_filestat_set_times(fd, _access, time, flags) { this.setTime(this.get(fd).node, time, flags); }

  take(node, vectors, count, at) {
    let position = at;
    for (const [address, length] of this.vectors(vectors, count)) {
      const piece = node.bytes.subarray(position, Math.min(node.size, position + length));
      this.bytes(address, piece.length).set(piece);
      position += piece.length;
      if (piece.length < length) break;
    }
    return position - at;
  }

  give(node, vectors, count, at) {
    let position = at;
    for (const [address, length] of this.vectors(vectors, count)) {
      const end = position + length;
      if (node.mounted || end > node.bytes.length) resize(node, Math.max(end, node.size));
      node.size = Math.max(end, node.size);
      node.bytes.set(this.bytes(address, length), position);
      position = end;
    }
    node.time = now();
    return position - at;
  }

  fd_read(fd, vectors, count, read) {
    const one = this.file(fd);
    const length = one.node.write ? 0 : this.take(one.node, vectors, count, one.at);
    one.at += length;
    this.u32(read, length);
  }

  fd_pread(fd, vectors, count, at, read) { this.u32(read, this.take(this.file(fd).node, vectors, count, Number(at))); }

  fd_write(fd, vectors, count, written) {
    const one = this.file(fd);
    if (one.node.write) {
      let length = 0;
      for (const [address, size] of this.vectors(vectors, count)) {
        one.node.write(this.bytes(address, size).slice());
        length += size;
      }
      this.u32(written, length);
      return;
    }
    if (one.append) one.at = one.node.size;
    const length = this.give(one.node, vectors, count, one.at);
    one.at += length;
    this.u32(written, length);
  }

  fd_pwrite(fd, vectors, count, at, written) { this.u32(written, this.give(this.file(fd).node, vectors, count, Number(at))); }

  fd_seek(fd, offset, from, result) {
    const one = this.get(fd);
    if (!one.node.bytes) throw new Refused(NO_SEEK);
    const at = [0, one.at, one.node.size][from] + Number(offset);
    if (at < 0) throw new Refused(INVALID);
    one.at = at;
    this.u64(result, at);
  }

  fd_tell(fd, result) { this.fd_seek(fd, 0n, 1, result); }

  fd_readdir(fd, at, length, cookie, used) {
    const { node } = this.get(fd);
    if (!node.entries) throw new Refused(NOT_FOLDER);
    const all = [[".", node], ["..", node], ...node.entries];
    let position = 0;
    for (let i = Number(cookie); i < all.length && position < length; i++) {
      const name = encoder.encode(all[i][0]);
      const entry = new Uint8Array(24 + name.length);
      const view = new DataView(entry.buffer);
      view.setBigUint64(0, BigInt(i + 1), true);
      view.setBigUint64(8, all[i][1].inode, true);
      view.setUint32(16, name.length, true);
      view.setUint8(20, kind(all[i][1]));
      entry.set(name, 24);
      const piece = entry.subarray(0, length - position); // a buffer that is full asks for more
      this.bytes(at + position, piece.length).set(piece);
      position += piece.length;
    }
    this.u32(used, position);
  }

  // -- paths

  path_open(fd, _follow, at, length, how, _rights, _inherited, flags, result) {
    const path = this.path(fd, at, length);
    let node;
    try {
      node = this.tree.find(path);
      if (how & CREATE && how & EXCLUSIVE) throw new Refused(EXISTS);
    } catch (error) {
      if (error.errno !== NONE || !(how & CREATE)) throw error;
      const [folder, name] = this.tree.place(path);
      folder.entries.set(name, (node = newFile(new Uint8Array(0))));
    }
    if (how & MUST_BE_FOLDER && !node.entries) throw new Refused(NOT_FOLDER);
    if (how & TRUNCATE && node.bytes) resize(node, 0);
    let free = this.opened.indexOf(null);
    if (free < 0) free = this.opened.length;
    this.opened[free] = { node, path: node.entries && path, at: 0, append: Boolean(flags & APPEND) };
    this.u32(result, free);
  }

  path_filestat_get(fd, _follow, at, length, result) { this.stat(this.tree.find(this.path(fd, at, length)), result); }

  path_filestat_set_times(fd, _follow, at, length, _access, time, flags) {
    this.setTime(this.tree.find(this.path(fd, at, length)), time, flags);
  }

  path_create_directory(fd, at, length) {
    const [folder, name] = this.tree.place(this.path(fd, at, length));
    if (name === undefined || folder.entries.has(name)) throw new Refused(EXISTS);
    folder.entries.set(name, newFolder());
  }

  path_remove_directory(fd, at, length) {
    const path = this.path(fd, at, length);
    const node = this.tree.find(path);
    if (!node.entries) throw new Refused(NOT_FOLDER);
    if (node.entries.size) throw new Refused(NOT_EMPTY);
    if (!path.length) throw new Refused(INVALID);
    const [folder, name] = this.tree.place(path);
    folder.entries.delete(name);
  }

  path_unlink_file(fd, at, length) {
    const path = this.path(fd, at, length);
    if (this.tree.find(path).entries) throw new Refused(IS_FOLDER);
    const [folder, name] = this.tree.place(path);
    folder.entries.delete(name);
  }

  path_rename(fd, at, length, toFd, toAt, toLength) {
    const from = this.path(fd, at, length);
    const to = this.path(toFd, toAt, toLength);
    const node = this.tree.find(from);
    if (from.join("/") === to.join("/")) return;
    if (node.entries && from.every((name, i) => to[i] === name)) throw new Refused(INVALID);
    const [folder, name] = this.tree.place(to);
    const there = folder.entries.get(name);
    if (there && Boolean(there.entries) !== Boolean(node.entries)) throw new Refused(there.entries ? IS_FOLDER : NOT_FOLDER);
    if (there?.entries?.size) throw new Refused(NOT_EMPTY);
    const [source, old] = this.tree.place(from);
    source.entries.delete(old);
    folder.entries.set(name, node);
  }

  path_readlink(fd, at, length) {
    this.tree.find(this.path(fd, at, length));
    throw new Refused(INVALID); // there are no links here
  }

  path_link() { throw new Refused(UNSUPPORTED); }
  path_symlink() { throw new Refused(UNSUPPORTED); }

  // -- sockets: there is no network

  sock_accept() { throw new Refused(NO_SYSTEM); }
  sock_recv() { throw new Refused(NO_SYSTEM); }
  sock_send() { throw new Refused(NO_SYSTEM); }
  sock_shutdown() { throw new Refused(NO_SYSTEM); }
}

function kind(node) {
  return node.entries ? FOLDER : node.write ? DEVICE : FILE;
}

const CALLS = Object.getOwnPropertyNames(Wasi.prototype).filter((name) =>
  /^(args|environ|clock|random|poll|sched|proc|fd|path|sock)_/.test(name));
