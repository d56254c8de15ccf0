import { topics } from '../schema/topics.ts'
import type { Wiring } from '../schema/wiring.ts'
import { type DeadLetter, parseLetter } from './dead-letter.ts'
import { decode, type EdgeRecord } from './frame.ts'
import { FrameError } from './frame-error.ts'
import { laneName } from './outbox.ts'
import type { Place } from './place.ts'
import { readWiring } from './read-wiring.ts'
import { parseDue } from './timers.ts'

/** What the records of one message have in common. */
export interface Arrival {
  lane: string
  /** The node, and the output where that isn't the default, on whose edge they came. */
  from?: string
  /** They are timers that are due, set to the instant that is their time. */
  timers?: true
  /** The id that a dead letter had at first, which is to be handled again. */
  replayOf?: string
  /** What tells this attempt at a dead letter from others. */
  replay?: string
  /** The first message of an owner: what comes behind it, no owner before has had. */
  mark?: string
}

export interface Arrivals extends Arrival {
  records: EdgeRecord[]
  /** See `Frame.turn`. */
  turn?: number
}

export type Intake = Arrivals | { wiring: Wiring | undefined }

/** What a payload is that comes on one topic. @throws FrameError when it is nothing of ours */
export type Reader = (payload: Buffer) => Intake

/** @param topic in a partition's session @throws FrameError when nothing of ours comes on it */
export function readerOf(topic: string, { flow, node, name }: Pick<Place, 'flow' | 'node' | 'name'>): Reader {
  if (topic === topics.wiring(flow, node)) return payload => ({ wiring: readWiring(payload) })
  if (topic === topics.replay(flow, node, name)) return payload => replayed(parseLetter(payload))
  if (topic === topics.mark(flow, node, name))
    return payload => ({ lane: '', mark: payload.toString(), records: [] })
  for (const lane of ['timer', 'retry'] as const)
    if (topic === topics.due(flow, lane, node, name)) return payload => due(lane, payload)
  const [root, of, kind, producer, output] = topic.split('/')
  if (root !== 'dyninka' || of !== flow || kind !== 'data' || !producer || !output)
    throw new FrameError('unknown topic')
  const from = output === 'default' ? producer : `${producer}.${output}`
  return payload => {
    const { partition, records, turn } = decode(payload)
    const lane = laneName(producer, output, partition)
    return { lane, from, records, ...(turn !== undefined && { turn }) }
  }
}

function due(lane: 'timer' | 'retry', payload: Buffer): Arrivals {
  const { n, due, mark } = parseDue(payload)
  const records = due.map(([key, time], i) => ({ origin: '', seq: n + i, key, time, value: undefined }))
  return { lane, ...(lane === 'timer' && { timers: true }), ...(mark && { mark }), records }
}

function replayed({ record, replay }: DeadLetter): Arrivals {
  const { id, key, time, value, topic, from, timer } = record
  return {
    lane: 'replay',
    replayOf: id,
    ...(from !== undefined && { from }),
    ...(timer && { timers: true }),
    ...(replay !== undefined && { replay }),
    records: [
      {
        origin: '',
        seq: 0, // numbered once it is admitted
        time,
        value,
        ...(key !== undefined && { key }),
        ...(topic !== undefined && { topic }),
      },
    ],
  }
}
