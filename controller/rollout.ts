import type { CursorDocument } from '../runtime/cursor.ts'
import type { Presence } from '../runtime/presence.ts'
import { type Content, type Stream, versionOf, type WiredInput, type Wiring } from '../schema/wiring.ts'
import { isSameCut, isSwitching, turned } from './repartition.ts'

export interface RolloutState {
  /** What is retained now, by node of the graph; nodes that are being removed too. */
  wirings: Record<string, Wiring>
  presences: RunningHost[]
  /** By node without hosts: the wiring that its sessions have in effect; 0 for an older one. */
  resting: Record<string, number>
  /** Nodes that were never built, or whose newest generation does not start: not waited for. */
  failed: ReadonlySet<string>
  /** By node whose partitions are to end: the last cursor of each, once all have. */
  ended: Record<string, CursorDocument[]>
  /** The broker is known to keep no order among topics; what is wired says it, too. */
  unordered?: true
}

/** A presence, with the node of the graph that it belongs to. */
export interface RunningHost extends Presence {
  function: string
}

/**
 * The next wiring of each node whose wiring changes, consumers before producers.
 *
 * An output gets a stream once the stream's consumer is subscribed and has its own outputs wired, so that
 * what flows finds its way to the end. What is wired stays while it is wanted, whatever crashes. What is no
 * longer wanted stays until what takes its place is ready; then one revision makes the whole switch. And a
 * consumer goes on reading a stream until its producer has confirmed that it no longer writes it.
 * @param contents by node, in topological order: the wiring of each once everything is up
 */
export function rollout(contents: Record<string, Content>, state: RolloutState): Record<string, Wiring> {
  const next: Record<string, Wiring> = {}
  const isUnordered = state.unordered || Object.values(state.wirings).some(({ unordered }) => unordered)
  for (const [node, content] of Object.entries(contents).reverse()) {
    const observed = state.wirings[node]
    if (isSwitching(node, state)) continue
    const wanted = wantedOf(node, content, contents, state)
    wanted.v = versionOf(wanted)
    if (isUnordered) wanted.unordered = true
    if (observed && sameContent(observed, wanted)) continue
    next[node] = { ...wanted, revision: lastRevision(node, state) + 1 }
  }
  return next
}

function wantedOf(
  node: string,
  content: Content,
  contents: Record<string, Content>,
  state: RolloutState,
): Content {
  const observed = state.wirings[node]
  const outputs = outputsOf(node, content, contents, state)
  const isTurning =
    observed?.kind === 'function' && content.kind === 'function' && !isSameCut(observed, content)
  const before = isTurning ? observed.next?.inputs : observed?.inputs
  const inputs = inputsOf(node, content, before ?? [], state)
  if (isTurning) return turned(node, observed, { ...content, outputs }, inputs, state)
  const { round } = observed ?? {}
  return { ...content, inputs, outputs, ...(round !== undefined && { round }) }
}

/** Whether `consumer` takes in what `producer` sends on this stream, and passes on what comes of it. */
function isReady(
  consumer: string,
  input: WiredInput,
  contents: Record<string, Content>,
  state: RolloutState,
) {
  const { wirings, failed } = state
  const wiring = wirings[consumer]
  if (wiring?.next?.inputs.some(wired => sameInput(wired, input))) return true
  if (!wiring?.inputs.some(wired => sameInput(wired, input))) return false
  if (!isInEffect(consumer, wiring, state)) return false
  const outputs = contents[consumer]?.outputs ?? {}
  return Object.entries(outputs).every(([output, streams]) =>
    streams.every(stream =>
      stream.consumers.every(next => failed.has(next) || isWired(wiring, output, stream, next)),
    ),
  )
}

/** Every partition is held by a host that has this wiring in effect, or was when the last host left. */
export function isInEffect(
  node: string,
  wiring: Wiring,
  { presences, resting }: Pick<RolloutState, 'presences' | 'resting'>,
): boolean {
  if (resting[node] === wiring.revision) return true
  const held = new Set<number>()
  for (const host of presences) {
    if (host.function === node && host.wiring >= wiring.revision) for (const n of host.partitions) held.add(n)
  }
  return Array.from({ length: wiring.partitions }, (_, n) => n).every(n => held.has(n))
}

/** No partition of the node works by an older wiring any more, nor will one that comes back: what it has in effect
 *  outlives its hosts. One that is gone may come back to records that were sent to it before it was wired anew. A host
 *  that owns nothing has no wiring in effect: it is not waited for where others hold every partition. */
export function isConfirmed(node: string, state: RolloutState): boolean {
  const wiring = state.wirings[node]
  if (!wiring || state.resting[node] === wiring.revision) return true
  const behind = state.presences.filter(host => host.function === node && host.wiring < wiring.revision)
  return behind.every(({ partitions }) => partitions.length === 0) && isInEffect(node, wiring, state)
}

function inputsOf(node: string, content: Content, before: WiredInput[], state: RolloutState): WiredInput[] {
  const stale = before.filter(
    input => !content.inputs.some(wanted => sameInput(wanted, input)) && mayStillCome(node, input, state),
  )
  return [...content.inputs, ...stale]
}

function mayStillCome(consumer: string, { node, output, stream }: WiredInput, state: RolloutState): boolean {
  const producer = state.wirings[node]
  if (!producer) return false
  return isWired(producer, output, { name: stream }, consumer) || !isConfirmed(node, state)
}

function outputsOf(
  producer: string,
  content: Content,
  contents: Record<string, Content>,
  state: RolloutState,
): Record<string, Stream[]> {
  const observed = state.wirings[producer]
  const outputs: Record<string, Stream[]> = {}
  for (const output of new Set([...Object.keys(content.outputs), ...Object.keys(observed?.outputs ?? {})])) {
    const wanted = content.outputs[output] ?? []
    const streams: Stream[] = []
    let complete = true
    for (const stream of wanted) {
      const input = { node: producer, output, stream: stream.name }
      const consumers = stream.consumers.filter(
        consumer =>
          (observed && isWired(observed, output, stream, consumer)) ||
          isReady(consumer, input, contents, state),
      )
      if (consumers.length < stream.consumers.length) complete = false
      if (consumers.length > 0) streams.push({ ...stream, consumers })
    }
    if (!complete) keepStale(streams, observed?.outputs[output] ?? [], wanted)
    if (streams.length > 0) outputs[output] = streams
  }
  return outputs
}

/** Adds to `streams` what is wired and no longer wanted. */
function keepStale(streams: Stream[], observed: Stream[], wanted: Stream[]): void {
  for (const old of observed) {
    const stillWanted = wanted.find(({ name }) => name === old.name)?.consumers ?? []
    // Who gets another stream gets each record once.
    const switched = streams.flatMap(stream => (stream.name === old.name ? [] : stream.consumers))
    const consumers = old.consumers.filter(
      consumer => !stillWanted.includes(consumer) && !switched.includes(consumer),
    )
    if (consumers.length === 0) continue
    const kept = streams.find(({ name }) => name === old.name)
    if (kept) kept.consumers = [...kept.consumers, ...consumers]
    else streams.push({ ...old, consumers })
  }
}

export const isWired = (wiring: Wiring, output: string, stream: Pick<Stream, 'name'>, consumer: string) =>
  wiring.outputs[output]?.some(
    ({ name, consumers }) => name === stream.name && consumers.includes(consumer),
  ) ?? false

const sameInput = (a: WiredInput, b: WiredInput) =>
  a.node === b.node && a.output === b.output && a.stream === b.stream

/** Grows past what hosts have seen even where the broker has lost what it retained. */
function lastRevision(node: string, { wirings, presences }: RolloutState): number {
  const seen = presences.filter(host => host.function === node).map(host => host.wiring)
  return Math.max(0, wirings[node]?.revision ?? 0, ...seen)
}

function sameContent(wiring: Wiring, content: Content): boolean {
  const { revision: _, ...observed } = wiring
  return canonical(observed) === canonical(content)
}

/** JSON with sorted keys: the same content gives the same text, in whatever order it was put together. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
