import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { until } from './controlled.ts'

/** All that a file sink has written, once there are more than there were. */
export async function moreRecords<Value>(path: string): Promise<Value[]> {
  const read = async () =>
    existsSync(path)
      ? (await readFile(path, 'utf8')).split('\n').flatMap(line => (line ? [JSON.parse(line) as Value] : []))
      : []
  const before = (await read()).length
  await until('records come', async () => (await read()).length > before + 20, undefined, 60_000)
  return read()
}
