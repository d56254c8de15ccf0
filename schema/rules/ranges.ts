import type { Draft, Entry } from '../draft.ts'
import { durationMs } from '../duration.ts'
import type { Finding } from '../finding.ts'
import { below } from '../yaml-document.ts'

/** Bounds between two numbers, and of durations. */
export function ranges(draft: Draft): Finding[] {
  return [...draft.entries.values()].flatMap(entry => [...scale(draft, entry), ...durations(draft, entry)])
}

function* scale(draft: Draft, entry: Entry): Iterable<Finding> {
  if (entry.kind !== 'function') return
  const pointer = below(entry.pointer, 'scale')
  const { min, max } = entry.spec.scale ?? {}
  if (max !== undefined && !Number.isInteger(Math.log2(max))) {
    const [less, more] = [2 ** Math.floor(Math.log2(max)), 2 ** Math.ceil(Math.log2(max))]
    const message = `max is ${max}, but the number of partitions must be a power of two.`
    yield draft.at(below(pointer, 'max'), 'not-power-of-two', message, `Write ${less} or ${more}.`)
  } else if (min !== undefined && min > (max ?? 1)) {
    const message = `min is ${min}, but max is ${max ?? '1 where it is not written'}.`
    const hint = `Write a max of at least ${2 ** Math.ceil(Math.log2(min))}: no more processes can share the work than there are partitions.`
    yield draft.at(below(pointer, 'min'), 'min-over-max', message, hint)
  }
}

// setInterval and setTimeout of Node count up to 2^31 - 1 ms.
const longest = '500h'

function* durations(draft: Draft, entry: Entry): Iterable<Finding> {
  if (entry.kind === 'source') {
    yield* duration(draft, below(entry.pointer, 'every'), entry.spec.every, '1ms')
  } else {
    const retry = below(entry.pointer, 'retry')
    yield* duration(draft, below(retry, 'backoff'), entry.spec.retry?.backoff, '0ms')
    yield* duration(draft, below(retry, 'timeout'), entry.spec.retry?.timeout, '1ms')
  }
  for (const [index, near] of (entry.placement?.near ?? []).entries()) {
    yield* duration(draft, below(entry.pointer, 'placement', 'near', index, 'maxRtt'), near?.maxRtt, '0.01ms')
  }
}

function* duration(
  draft: Draft,
  pointer: string,
  text: string | undefined,
  least: string,
): Iterable<Finding> {
  if (text === undefined) return
  const ms = durationMs(text)
  if (ms < durationMs(least) || ms > durationMs(longest)) {
    const message = `${text} is too ${ms < durationMs(least) ? 'short' : 'long'}.`
    yield draft.at(pointer, 'out-of-range', message, `Write a duration from ${least} to ${longest}.`)
  }
}
