import type { Readable } from 'node:stream'

const newline = 0x0a

/** Whole lines of a stream, decoded one at a time: a character may be cut in two by a chunk, and a line by many. What
 *  comes after the last newline is a line when the stream ends well. */
export async function* lines(stream: Readable): AsyncIterable<string> {
  let parts: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      parts.push(chunk.subarray(start, end))
      yield parts.length === 1 ? parts[0]!.toString() : Buffer.concat(parts).toString()
      parts = []
      start = end + 1
    }
    if (start < chunk.length) parts.push(chunk.subarray(start))
  }
  if (parts.length > 0) yield Buffer.concat(parts).toString()
}
