import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type * as Zlib from 'node:zlib'

/** Path of a file of code, and of its source map beside it, that may have been delivered compressed.
 *  @returns where it can be imported from */
export function unpacked(path: string): string {
  if (existsSync(path) || !existsSync(`${path}.gz`)) return path
  // Most hosts have no need of it.
  const { gunzipSync } = createRequire(import.meta.url)('node:zlib') as typeof Zlib
  const folder = mkdtempSync(join(tmpdir(), 'dyninka-'))
  for (const file of [path, `${path}.map`]) {
    const packed = `${file}.gz`
    if (existsSync(packed)) writeFileSync(join(folder, basename(file)), gunzipSync(readFileSync(packed)))
  }
  return join(folder, basename(path))
}
