import { open } from 'node:fs/promises'
import type { Architecture } from '../blob.ts'

/** What the header of a program or library says of what it needs. */
export interface Elf {
  /** `other` has the number that ELF gives it. */
  architecture: Architecture | `other (${number})`
  /** Path of the dynamic loader; a library, or a static program, has none. */
  loader?: string
  /** Names of the libraries to load, as `libc.so.6`. */
  needed: string[]
  /** Folders where it wants them looked for; may begin with `$ORIGIN`. */
  runPath: string[]
}

const machines: { [number: number]: Architecture } = { 62: 'amd64', 183: 'arm64' }
const [ptLoad, ptDynamic, ptInterp] = [1, 2, 3]
const [dtNeeded, dtStrTab, dtStrSz, dtRpath, dtRunpath] = [1n, 5n, 10n, 15n, 29n]

interface Segment {
  type: number
  offset: number
  address: bigint
  bytes: number
}

/** Reads a 64-bit little-endian ELF file (System V ABI, "Object Files" and "Dynamic Linking").
 *  @returns undefined for any other file @throws what opening a file does */
export async function readElf(file: string): Promise<Elf | undefined> {
  const handle = await open(file)
  const read = async (offset: number, bytes: number) => {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, offset)
    return bytesRead === bytes ? buffer : undefined
  }
  try {
    const header = await read(0, 64)
    if (header?.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1) return undefined
    const size = header.readUInt16LE(54)
    const table = await read(Number(header.readBigUInt64LE(32)), size * header.readUInt16LE(56))
    if (!table || size < 56) return undefined
    const segments = Array.from({ length: table.length / size }, (_, i) => segmentAt(table, i * size))
    const content = async (type: number) => {
      const segment = segments.find(candidate => candidate.type === type)
      return segment && (await read(segment.offset, segment.bytes))
    }
    const machine = header.readUInt16LE(18)
    const loader = (await content(ptInterp))?.toString('utf8').replace(/\0.*$/s, '')
    const dynamic = tagsIn(await content(ptDynamic))
    const at = offsetOf(segments, dynamic.find(([tag]) => tag === dtStrTab)?.[1])
    const bytes = Number(dynamic.find(([tag]) => tag === dtStrSz)?.[1] ?? 0n)
    const names = at === undefined ? undefined : await read(at, bytes)
    const textsOf = (...tags: bigint[]) =>
      dynamic.flatMap(([tag, value]) => (names && tags.includes(tag) ? [textAt(names, Number(value))] : []))
    return {
      architecture: machines[machine] ?? `other (${machine})`,
      ...(loader && { loader }),
      needed: textsOf(dtNeeded),
      runPath: textsOf(dtRunpath, dtRpath).flatMap(paths => paths.split(':').filter(path => path !== '')),
    }
  } finally {
    await handle.close()
  }
}

const segmentAt = (table: Buffer, at: number): Segment => ({
  type: table.readUInt32LE(at),
  offset: Number(table.readBigUInt64LE(at + 8)),
  address: table.readBigUInt64LE(at + 16),
  bytes: Number(table.readBigUInt64LE(at + 32)),
})

function tagsIn(dynamic: Buffer | undefined): [tag: bigint, value: bigint][] {
  const tags: [bigint, bigint][] = []
  for (let at = 0; dynamic && at + 16 <= dynamic.length; at += 16) {
    const tag = dynamic.readBigUInt64LE(at)
    if (tag === 0n) break
    tags.push([tag, dynamic.readBigUInt64LE(at + 8)])
  }
  return tags
}

/** Where in the file lies what is loaded at an address. */
function offsetOf(segments: Segment[], address: bigint | undefined): number | undefined {
  if (address === undefined) return undefined
  const segment = segments.find(
    ({ type, address: from, bytes }) => type === ptLoad && address >= from && address < from + BigInt(bytes),
  )
  return segment && segment.offset + Number(address - segment.address)
}

const textAt = (names: Buffer, at: number) => names.toString('utf8', at, Math.max(at, names.indexOf(0, at)))
