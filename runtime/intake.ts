import { topics } from '../schema/topics.ts'
import type { Wiring } from '../schema/wiring.ts'
import { parseLetter } from './dead-letter.ts'
import { decode, type EdgeRecord, FrameError } from './frame.ts'
import { laneName } from './outbox.ts'
import type { Message } from './transport.ts'

export interface Arrivals {
  lane: string
  records: EdgeRecord[]
  /** The id that a replayed record had at first. */
  replayOf?: string
}

export type Intake = Arrivals | { wiring: Wiring | undefined }

interface Place {
  flow: string
  node: string
  partition: number
}

/** What a message in a partition's session is. @param replays dead letters replayed before this one
 *  @throws when it is nothing of ours */
export function read(message: Message, { flow, node, partition }: Place, replays: () => number): Intake {
  const { topic, payload } = message
  if (topic === topics.wiring(flow, node)) {
    return { wiring: payload.length === 0 ? undefined : (JSON.parse(payload.toString()) as Wiring) }
  }
  // Dead letters that somebody wants handled again are an origin of their own, numbered as they arrive:
  // with their first ids, behind newer ones, they would be dropped.
  if (topic === topics.replay(flow, node, partition)) {
    const letter = parseLetter(payload).record
    return { lane: 'replay', records: [recordOf(letter, replays() + 1)], replayOf: letter.id }
  }
  const [root, of, kind, producer, output] = topic.split('/')
  if (root !== 'dyninka' || of !== flow || kind !== 'data' || !producer || !output)
    throw new FrameError('unknown topic')
  const frame = decode(payload)
  return { lane: laneName(producer, output, frame.partition), records: frame.records }
}

function recordOf(
  { key, time, value, topic }: ReturnType<typeof parseLetter>['record'],
  n: number,
): EdgeRecord {
  return {
    origin: '',
    seq: String(n),
    time,
    value,
    ...(key !== undefined && { key }),
    ...(topic !== undefined && { topic }),
  }
}

/** The topic filters that the session of a partition holds. */
export const subscriptionsOf = ({ flow, node, partition }: Place, { inputs }: Wiring) => [
  ...inputs.map(input => topics.data(flow, input.node, input.output, input.stream, partition)),
  topics.wiring(flow, node),
  topics.replay(flow, node, partition),
]
