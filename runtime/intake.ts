import { topics } from '../schema/topics.ts'
import type { Wiring } from '../schema/wiring.ts'
import { type DeadLetter, parseLetter } from './dead-letter.ts'
import { decode, type EdgeRecord, FrameError } from './frame.ts'
import { laneName } from './outbox.ts'
import { parseTimers } from './timers.ts'
import type { Message } from './transport.ts'

export interface Arrival {
  record: EdgeRecord
  /** The node, and the output where that isn't the default, on whose edge it came. */
  from?: string
  /** The instant to which the timer was set that is due, instead of a record. */
  timer?: number
  /** The id that a replayed record had at first. */
  replayOf?: string
}

export type Intake = { lane: string; arrivals: Arrival[]; replay?: string } | { wiring: Wiring | undefined }

interface Place {
  flow: string
  node: string
  partition: number
}

/** What a message in a partition's session is. @throws when it is nothing of ours */
export function read(message: Message, { flow, node, partition }: Place): Intake {
  const { topic, payload } = message
  if (topic === topics.wiring(flow, node)) {
    return { wiring: payload.length === 0 ? undefined : (JSON.parse(payload.toString()) as Wiring) }
  }
  if (topic === topics.replay(flow, node, partition)) {
    const { record, replay } = parseLetter(payload)
    return { lane: 'replay', arrivals: [replayed(record)], ...(replay !== undefined && { replay }) }
  }
  if (topic === topics.timer(flow, node, partition)) {
    const { n, due } = parseTimers(payload)
    return { lane: 'timer', arrivals: due.map(([key, at], i) => dueTimer(n + i, key, at)) }
  }
  const [root, of, kind, producer, output] = topic.split('/')
  if (root !== 'dyninka' || of !== flow || kind !== 'data' || !producer || !output)
    throw new FrameError('unknown topic')
  const frame = decode(payload)
  const from = output === 'default' ? producer : `${producer}.${output}`
  return {
    lane: laneName(producer, output, frame.partition),
    arrivals: frame.records.map(record => ({ record, from })),
  }
}

const dueTimer = (n: number, key: string, at: number): Arrival => ({
  record: { origin: '', seq: String(n), key, time: at, value: undefined },
  timer: at,
})

function replayed({ id, key, time, value, topic, from, timer }: DeadLetter['record']): Arrival {
  const record = {
    origin: '',
    seq: '0', // numbered once it is admitted
    time,
    value,
    ...(key !== undefined && { key }),
    ...(topic !== undefined && { topic }),
  }
  return {
    replayOf: id,
    record,
    ...(from !== undefined && { from }),
    ...(timer !== undefined && { timer }),
  }
}

/** The topic filters that the session of a partition holds. */
export const subscriptionsOf = ({ flow, node, partition }: Place, { inputs }: Wiring) => [
  ...inputs.map(input => topics.data(flow, input.node, input.output, input.stream, partition)),
  topics.wiring(flow, node),
  topics.replay(flow, node, partition),
  topics.timer(flow, node, partition),
]
