import { createReadStream } from 'node:fs'

/** One member of an archive. Folders and links have no content. */
export interface TarEntry {
  /** Relative, without `./`, with forward slashes. */
  path: string
  /** Permission bits (0o644). */
  mode?: number
  content: Uint8Array | { file: string; bytes: number } | { link: string } | 'folder'
}

const blockBytes = 512
const encoder = new TextEncoder()

/**
 * An archive (ustar, with pax headers where a path is long or not ASCII) that depends on its entries alone: whatever
 * the time, the user and the umask, it has these bytes. All belongs to root, and is of 1970.
 */
export async function* tar(entries: Iterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    yield head(entry)
    const { content } = entry
    if (content instanceof Uint8Array) yield content
    else if (isFile(content)) yield* readWhole(content)
    yield padding(bytesOf(entry))
  }
  yield new Uint8Array(2 * blockBytes)
}

/** The same, in memory, for what is small. */
export function tarOf(entries: Iterable<TarEntry & { content: Uint8Array | 'folder' }>): Uint8Array {
  const parts: Uint8Array[] = []
  for (const entry of entries) {
    parts.push(head(entry))
    if (entry.content !== 'folder') parts.push(entry.content)
    parts.push(padding(bytesOf(entry)))
  }
  return Buffer.concat([...parts, new Uint8Array(2 * blockBytes)])
}

/** Sorted, each after the folders that it lies in. */
export function withFolders<Entry extends TarEntry>(entries: Entry[]): (Entry | FolderEntry)[] {
  const all = new Map<string, Entry | FolderEntry>()
  for (const entry of entries) {
    const parts = entry.path.split('/').slice(0, -1)
    parts.forEach((_, i) => {
      const path = parts.slice(0, i + 1).join('/')
      if (!all.has(path)) all.set(path, { path, content: 'folder' })
    })
    all.set(entry.path, entry)
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}
type FolderEntry = TarEntry & { content: 'folder' }

const isFile = (content: TarEntry['content']): content is { file: string; bytes: number } =>
  typeof content === 'object' && 'file' in content

function bytesOf({ content }: TarEntry): number {
  if (content instanceof Uint8Array) return content.length
  return isFile(content) ? content.bytes : 0
}

async function* readWhole({ file, bytes }: { file: string; bytes: number }) {
  let read = 0
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    read += chunk.length
    yield chunk
  }
  if (read !== bytes)
    throw new Error(`${file} had ${bytes} bytes, and then ${read}: it changed while it was read`)
}

const padding = (bytes: number) => new Uint8Array((blockBytes - (bytes % blockBytes)) % blockBytes)

function head(entry: TarEntry): Uint8Array {
  const { content } = entry
  const isFolder = content === 'folder'
  const path = isFolder ? `${entry.path}/` : entry.path
  const link = typeof content === 'object' && 'link' in content ? content.link : ''
  const records = { ...(!fits(path) && { path }), ...(!fits(link) && { linkpath: link }) }
  const header = block({
    path: fits(path) ? path : 'long',
    link: fits(link) ? link : 'long',
    type: isFolder ? '5' : link ? '2' : '0',
    mode: entry.mode ?? (isFolder ? 0o755 : link ? 0o777 : 0o644),
    bytes: bytesOf(entry),
  })
  if (Object.keys(records).length === 0) return header
  const pax = encoder.encode(Object.entries(records).map(paxRecord).join(''))
  const extended = block({ path: 'pax', link: '', type: 'x', mode: 0o644, bytes: pax.length })
  return Buffer.concat([extended, pax, padding(pax.length), header])
}

/** Whether ustar's own field holds it. Its prefix for longer paths is not used: pax says the same for all. */
const fits = (path: string) => path.length <= 100 && /^[\x20-\x7e]*$/.test(path)

/** A line that begins with its own length. */
function paxRecord([key, value]: [string, string]): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + String(rest).length
  if (rest + String(length).length !== length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}

interface Fields {
  path: string
  link: string
  type: string
  mode: number
  bytes: number
}

function block({ path, link, type, mode, bytes }: Fields): Uint8Array {
  const header = Buffer.alloc(blockBytes)
  const put = (text: string, at: number) => header.write(text, at, 'latin1')
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0')
  put(path, 0)
  put(octal(mode, 7), 100)
  put(octal(0, 7), 108) // user and group: root, of no name
  put(octal(0, 7), 116)
  put(octal(bytes, 11), 124)
  put(octal(0, 11), 136) // changed in 1970
  put('        ', 148) // the checksum counts itself as blanks
  put(type, 156)
  put(link, 157)
  put('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  put(`${octal(sum, 6)}\0 `, 148)
  return header
}
