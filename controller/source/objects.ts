import type { Git } from './git.ts'

/** Objects read at once; a tree of any size passes through this much memory. */
const maxBatchBytes = 64 * 1024 * 1024

export class MissingObject extends Error {}

/** Reads objects in order. `object` may be a ref; what comes back bears its hash. @throws MissingObject */
export async function* readObjects(
  git: Git,
  wanted: { object: string; bytes: number }[],
  signal: AbortSignal,
): AsyncGenerator<{ object: string; content: Buffer }, never> {
  for (const batch of batches(wanted)) yield* parseObjects(await git.objects(batch, signal))
  throw new MissingObject('the mirror gave fewer objects than it was asked for')
}

function* batches(wanted: { object: string; bytes: number }[]): Generator<string[]> {
  let batch: string[] = []
  let total = 0
  for (const { object, bytes } of wanted) {
    if (batch.length && total + bytes > maxBatchBytes) {
      yield batch
      batch = []
      total = 0
    }
    batch.push(object)
    total += bytes
  }
  yield batch
}

/** What `git cat-file --batch` prints: `<object> <type> <size>`, the content, a line feed; or `<name> missing`. */
function* parseObjects(output: Buffer): Generator<{ object: string; content: Buffer }> {
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf('\n', at)
    const [object, , size] = output.toString('utf8', at, end).split(' ')
    if (size === undefined) throw new MissingObject(`the mirror lacks ${object}`)
    const start = end + 1
    at = start + Number(size) + 1
    yield { object: object!, content: output.subarray(start, at - 1) }
  }
}
