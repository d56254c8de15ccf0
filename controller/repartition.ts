import { type CursorDocument, emptyCursor } from '../runtime/cursor.ts'
import { compareSeq } from '../runtime/record-id.ts'
import type { FunctionNode } from '../schema/flow.ts'
import { type Cut, partitionName, partitionNames } from '../schema/topics.ts'
import {
  type Content,
  subscriptionsByBroker,
  subscriptionsOf,
  type WiredInput,
  type Wiring,
  wiringOf,
} from '../schema/wiring.ts'
import { carrierOf, isCarrierHeld } from './carriers.ts'
import type { Desired } from './desired.ts'
import type { Observed } from './plan.ts'
import { isInEffect, isWired, type RolloutState } from './rollout.ts'

/**
 * Changes the number of partitions of a function, step by step, each told by what is wired:
 *
 * 1. `next`: the partitions to come have sessions, which keep what is sent to them. Producers switch to them.
 * 2. `last`: no producer sends to the old ones any more. Each of them ends when it comes to this in its session.
 * 3. `round` is one more: the new ones have a cursor that knows all that the old ones have finished, and begin.
 */

export const isSameCut = (a: Cut, b: Cut) => partitionName(0, a) === partitionName(0, b)

/** The wiring to approach, by node: a change of partitions begins when those that are there all run, and goes to its
 *  end before another one begins. */
export function approached(desired: Desired, observed: Observed): Record<string, Content> {
  const { flow, nodes, contents } = desired
  const held = nodes.map(node => {
    const cut = node.kind === 'function' && heldCut(node, contents[node.name]!, observed)
    if (!cut) return node
    const { key: _, ...rest } = node
    const { partitions: max, key } = cut
    return { ...rest, ...(key !== undefined && { key }), scale: { ...node.scale, max } }
  })
  return held.every((node, i) => node === nodes[i]) && !isCarrierHeld(desired, observed)
    ? contents
    : Object.fromEntries(wiringOf({ name: flow, nodes: held }, carrierOf(desired, observed)))
}

/** What a function is cut to for now, where that is not what it should be. */
function heldCut({ name, key }: FunctionNode, wanted: Content, observed: Observed): Cut | undefined {
  const wiring = observed.wirings[name]
  if (wiring?.kind === 'function') {
    const mayBegin = isSameCut(wiring, wanted) || isInEffect(name, wiring, observed)
    return wiring.next ?? (mayBegin ? undefined : wiring)
  }
  // The broker has lost its wiring, or is slow to show it, while records may be under way to its sessions.
  const names = observed.sessions[name] ?? []
  if (wiring || names.length === 0 || names.includes(partitionName(0, wanted))) return undefined
  const cut = { partitions: Number(names[0]!.split('of')[1] ?? 1), key }
  return names[0] === partitionName(0, cut) ? cut : undefined
}

/** The next wiring of a function whose partitions are not those that it should have.
 *  @param wanted once they are @param inputs what new partitions are to read */
export function turned(
  node: string,
  observed: Wiring,
  wanted: Content,
  inputs: WiredInput[],
  state: RolloutState,
): Content {
  const { round = 0, next, last, key } = observed
  if (last && state.ended[node]) return { ...wanted, inputs, round: round + 1 }
  const { key: _, ...others } = wanted
  const old = {
    ...others,
    ...(key !== undefined && { key }),
    partitions: observed.partitions,
    inputs: observed.inputs,
    ...(round > 0 && { round }),
  }
  if (!next) {
    const { partitions, key } = wanted
    return { ...old, next: { partitions, ...(key !== undefined && { key }), inputs: wanted.inputs } }
  }
  const isOver = observed.inputs.every(input => hasEnded(node, input, state))
  return { ...old, next, ...((last || isOver) && { last: true as const }) }
}

/** Nothing comes on this input any more: every partition of the producer runs, and sends elsewhere. */
function hasEnded(consumer: string, { node, output, stream }: WiredInput, state: RolloutState): boolean {
  const producer = state.wirings[node]
  if (!producer) return true
  return !isWired(producer, output, { name: stream }, consumer) && isInEffect(node, producer, state)
}

/** Some partition of this producer is still to switch to the new partitions of a consumer. Until then it is not wired
 *  anew: those that have switched may have sent what new partitions may get, and would finish that, and follow, only once
 *  these begin, which wait for the others. */
export function isSwitching(node: string, state: RolloutState): boolean {
  const producer = state.wirings[node]
  if (!producer || isInEffect(node, producer, state)) return false
  return Object.entries(state.wirings).some(
    ([consumer, { next, last, inputs }]) =>
      next &&
      !last &&
      inputs.some(
        input => input.node === node && !isWired(producer, input.output, { name: input.stream }, consumer),
      ),
  )
}

/** Where the partitions of a new cut begin: behind all that any of the old ones has finished. Written for each of them
 *  as its owner would have left it.
 *  @param ended the last cursors of the old ones @param wiring of the new cut */
export function beginnings(
  flow: string,
  node: string,
  ended: CursorDocument[],
  wiring: Wiring,
): Record<string, CursorDocument> {
  const shared = {
    ...emptyCursor(),
    lanes: mergeLanes(ended),
    wiring: wiring.revision,
    letters: Math.max(0, ...ended.map(({ letters }) => letters)),
    ...mergeTurns(ended),
    ...mergeTold(ended),
    ...mergeReplays(ended),
    ...(wiring.round !== undefined && { round: wiring.round }),
  }
  const names = partitionNames(wiring)
  return Object.fromEntries(
    names.map((name, partition) => [
      name,
      {
        ...shared,
        keys: ended.reduce((sum, { heirs }) => sum + (heirs?.[partition] ?? 0), 0),
        subscriptions: subscriptionsOf({ flow, node, partition, name }, wiring),
        ...brokersOf({ flow, node, partition, name }, wiring),
      },
    ]),
  )
}

function brokersOf(place: Parameters<typeof subscriptionsByBroker>[0], wiring: Wiring) {
  const brokers = subscriptionsByBroker(place, wiring)
  return Object.keys(brokers).length === 0 ? {} : { brokers }
}

/** What one producer sent to different partitions has ids that grow all the same: the largest covers the others. */
function mergeLanes(ended: CursorDocument[]): CursorDocument['lanes'] {
  const merged: CursorDocument['lanes'] = {}
  for (const { lanes } of ended) {
    for (const [lane, origins] of Object.entries(lanes)) {
      merged[lane] ??= {}
      for (const [origin, seq] of Object.entries(origins)) {
        const before = merged[lane][origin]
        if (before === undefined || compareSeq(seq, before) > 0) merged[lane][origin] = seq
      }
    }
  }
  return merged
}

/** Their successors name their lanes alike. */
function mergeTurns(ended: CursorDocument[]): Pick<CursorDocument, 'turns'> {
  const turns = Math.max(0, ...ended.map(({ turns = 0 }) => turns))
  return turns === 0 ? {} : { turns }
}

function mergeTold(ended: CursorDocument[]): Pick<CursorDocument, 'told'> {
  const told: CursorDocument['told'] = {}
  for (const lane of ['timer', 'retry'] as const) {
    const most = Math.max(0, ...ended.map(cursor => cursor.told?.[lane] ?? 0))
    if (most > 0) told[lane] = most
  }
  return Object.keys(told).length === 0 ? {} : { told }
}

/** As many as one partition remembers. */
const maxReplays = 500

function mergeReplays(ended: CursorDocument[]): Pick<CursorDocument, 'replays'> {
  const replays = [...new Set(ended.flatMap(({ replays = [] }) => replays))]
  return replays.length === 0 ? {} : { replays: replays.slice(-maxReplays) }
}

/** What a change of partitions waits for, for people; undefined where there is none. */
export function repartitionOf(node: string, { contents }: Desired, observed: Observed): string | undefined {
  const wiring = observed.wirings[node]
  const content = contents[node]
  if (content?.kind !== 'function' || wiring?.kind !== 'function') return undefined
  const { next, last, partitions, inputs } = wiring
  if (!next) {
    if (!isSameCut(wiring, content)) return told(wiring, content, 'begins once all partitions run')
    const before = observed.sessions[node]?.find(name => !partitionNames(wiring).includes(name))
    if (!wiring.round || before === undefined || isInEffect(node, wiring, observed)) return undefined
    return `repartition to ${partitions}: the new partitions take up the work`
  }
  if (last) return told(wiring, next, 'the old partitions finish what was sent to them')
  const state = { ...observed, failed: new Set<string>() }
  const late = inputs.filter(input => !hasEnded(node, input, state)).map(input => input.node)
  return told(wiring, next, `waits until ${[...new Set(late)].join(', ')} sends to the new partitions`)
}

const told = (from: Cut, to: Cut, why: string) => `repartition ${countsOf(from, to)}: ${why}`

export const countsOf = (from: Cut, to: Cut) => `${from.partitions} → ${to.partitions}`
