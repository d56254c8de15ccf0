/** The value at a dotted path, as a key; undefined where there is none. Objects and arrays are no keys. */
export function keyAt(value: unknown, path: string): string | undefined {
  let current = value
  for (const field of path.split('.')) {
    if (current === null || typeof current !== 'object') return undefined
    current = (current as Record<string, unknown>)[field]
  }
  if (typeof current === 'string') return current
  if (typeof current === 'number' || typeof current === 'boolean') return String(current)
  return undefined
}

/** The shard of a key among `shards`, a power of two: with twice as many, shard s splits into s and s + shards. */
export const shardOf = (key: string, shards: number) => (shards === 1 ? 0 : hash(key) & (shards - 1))

/** FNV-1a over UTF-16 units, with the finalizer of MurmurHash3 so that the low bits are as good as the high. */
export function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** A key names a topic of its own, which has at most 65,535 bytes [MQTT-1.5.3]. */
const maxKeyLength = 1_024

/** Why a record with this key can't be handled by a function whose key is the field at `path`, if it can't. */
export function wrongKey(key: string | undefined, path: string): string | undefined {
  if (key === undefined) return `the record has no field "${path}", which is the key of this function`
  if (key.length > maxKeyLength) {
    return `the key in field "${path}" has ${key.length} characters, over the limit of ${maxKeyLength}`
  }
  return key.isWellFormed() ? undefined : `the key in field "${path}" is no valid Unicode`
}
