// A tree of files in memory, which a Python in the browser takes for its disk.

export const EXISTS = 20, INVALID = 28, IS_FOLDER = 31, NONE = 44, NOT_FOLDER = 54, NOT_EMPTY = 55;

export const now = () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e3)) * 1000n;

// What is refused, with the number that WASI has for the reason.
export class Refused extends Error {
  constructor(errno) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

let inodes = 1n;
export const newFolder = () => ({ entries: new Map(), inode: inodes++, time: now() });
export const newFile = (bytes) => ({ bytes, size: bytes.length, inode: inodes++, time: now(), mounted: false });
export const newDevice = (write) => ({ write, inode: inodes++, time: now() });

export const names = (path, base = []) => {
  const found = [...base];
  for (const name of path.split("/")) {
    if (name === "..") found.pop();
    else if (name && name !== ".") found.push(name);
  }
  return found;
};

// Folders and files in memory. What is mounted is shared with whoever mounted it, and copied before it is changed.
export class Tree {
  constructor() {
    this.root = newFolder();
  }

  find(path) {
    let node = this.root;
    for (const name of path) {
      if (!node.entries) throw new Refused(NOT_FOLDER);
      node = node.entries.get(name);
      if (!node) throw new Refused(NONE);
    }
    return node;
  }

  // The folder that something lies or will lie in, and its name there.
  place(path) {
    const folder = this.find(path.slice(0, -1));
    if (!folder.entries) throw new Refused(NOT_FOLDER);
    return [folder, path.at(-1)];
  }

  folder(path) {
    let node = this.root;
    for (const name of names(path)) {
      if (!node.entries.has(name)) node.entries.set(name, newFolder());
      node = node.entries.get(name);
    }
    return node;
  }

  put(path, node) {
    const all = names(path);
    this.folder(all.slice(0, -1).join("/")).entries.set(all.at(-1), node);
  }

  write(path, bytes) {
    this.put(path, newFile(bytes));
  }

  mount(path, bytes) {
    this.put(path, { ...newFile(bytes), mounted: true });
  }

  device(path, write) {
    this.put(path, newDevice(write));
  }

  // What has been made since the mounts: [path, bytes], and [path, null] for folders.
  made(node = this.root, path = "") {
    const found = [];
    for (const [name, child] of node.entries) {
      const here = `${path}/${name}`;
      if (child.entries) found.push([here, null], ...this.made(child, here));
      else if (child.bytes && !child.mounted) found.push([here, child.bytes.slice(0, child.size)]);
    }
    return found;
  }

  makeAgain(made) {
    for (const [path, bytes] of made) bytes ? this.write(path, bytes) : this.folder(path);
  }
}

export function resize(file, size) {
  if (file.mounted || size > file.bytes.length) {
    const bytes = new Uint8Array(Math.max(size, file.mounted ? 0 : 2 * file.bytes.length));
    bytes.set(file.bytes.subarray(0, Math.min(file.size, size)));
    file.bytes = bytes;
    file.mounted = false;
  } else if (size < file.size) {
    file.bytes.fill(0, size, file.size); // or a later growth would show what was cut off
  }
  file.size = size;
}
