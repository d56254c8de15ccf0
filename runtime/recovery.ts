import { topics } from '../schema/topics.ts'
import type { Wiring } from '../schema/wiring.ts'
import { type CursorDocument, emptyCursor, Progress, parseCursor } from './cursor.ts'
import { readFenced } from './fenced-read.ts'
import { type Place, stateFilters, stateKey } from './place.ts'
import { readWiring } from './read-wiring.ts'
import { readRetained } from './retained.ts'
import type { State, StateDocument } from './state.ts'
import type { Connection, Transport } from './transport.ts'

/** What the last owner of a partition left in the broker. */
export interface Recovered {
  cursor: CursorDocument
  /** The wiring that it had in effect, if any. */
  wiring?: Wiring
}

const patienceMs = 5_000
const pauseMs = 3_000

/** Reads cursor and wiring of a partition. To be called by its owner only: nobody else can still write them.
 *  @param connection the session, of which the caller is the owner
 *  @param expected an owner wrote both, or who prepared the session
 *  @param round of the cut, as it is wired
 *  @param onMissing told what an MQTT broker should have kept and didn't */
export async function recover(
  transport: Transport,
  connection: Connection,
  { flow, node, name }: Place,
  { expected, round }: { expected: boolean; round: number },
  onMissing: (what: string) => void,
): Promise<Recovered> {
  const places = {
    cursor: topics.credit(flow, node, name),
    wiring: topics.effect(flow, node, name),
  }
  const found = await readFenced({
    transport,
    connection,
    fence: topics.fence(flow, node, name),
    topics: Object.values(places),
    expected,
  })
  if (expected && found.size < 2) onMissing(found.has(places.cursor) ? 'wiring' : 'cursor')
  const stored = found.get(places.cursor)
  const wiring = found.get(places.wiring)
  const cursor = stored
    ? understood('cursor', places.cursor, () => parseCursor(stored))
    : { ...emptyCursor(), ...(round > 0 && { round }) }
  // Of partitions of the same names, before or after others: what they know is not what these know.
  if ((cursor.round ?? 0) !== round)
    throw new Error(`waits for its wiring: its partitions were cut ${cursor.round ?? 0} times, not ${round}`)
  return {
    cursor,
    ...(wiring && { wiring: understood('wiring', places.wiring, () => readWiring(wiring)!) }),
  }
}

/** Nobody but the owner writes there. To go on without it would repeat records or lose them: a person decides. */
function understood<T>(what: string, topic: string, parse: () => T): T {
  try {
    return parse()
  } catch {
    throw new Error(
      `${what} overwritten by a foreign client: clear the retained message of ${topic}, and its records may repeat`,
    )
  }
}

/** Brings back the keyed state of a partition, as far as there is room for it, and proves that it is all there.
 *  @throws when the broker does not bring every key that the cursor counts */
export async function restoreState(
  transport: Transport,
  place: Place,
  cursor: CursorDocument,
  state: State,
): Promise<void> {
  if (cursor.keys === 0) return
  const progress = new Progress(cursor.lanes)
  let counted = 0
  const take = (topic: string, payload: Buffer) => {
    const document = JSON.parse(payload.toString()) as StateDocument
    if (state.restore(stateKey(topic), document, progress)) counted += 1
    return counted === cursor.keys
  }
  const reading = { patienceMs: patienceMs + cursor.keys, pauseMs, take }
  // What was dropped on the way may come the next time.
  for (let before = -1; counted > before; ) {
    before = counted
    if (await readRetained(transport, stateFilters(place, cursor.keys), reading)) return
  }
  throw new Error(
    `the broker brought ${counted} of ${cursor.keys} keys of state: is it dropping retained messages?`,
  )
}
