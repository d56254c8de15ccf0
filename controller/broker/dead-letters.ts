import type { DeadLetter as Letter } from '../../runtime/dead-letter.ts'
import { shardOf } from '../../runtime/key.ts'
import { partitionName, topics } from '../../schema/topics.ts'
import type { Wiring } from '../../schema/wiring.ts'
import type { BrokerClient } from './broker-client.ts'

/** A record that was given up, with `partition/n`: what `replay` and `drop` take. */
export type DeadLetter = Letter & { id: string }

interface Stored {
  topic: string
  letter: DeadLetter
}

/** Oldest first. @param node all functions when left out */
export async function readLetters(broker: BrokerClient, flow: string, node?: string): Promise<DeadLetter[]> {
  return (await stored(broker, flow, node)).map(({ letter }) => letter)
}

/** Hands letters to their functions again, and clears them. @param ids all when left out. @returns how many */
export async function replayLetters(
  broker: BrokerClient,
  flow: string,
  node?: string,
  ids?: string[],
): Promise<number> {
  const letters = await stored(broker, flow, node, ids)
  const { wirings } = await broker.watch(flow)
  for (const { topic, letter } of letters) {
    // The same letter twice, after a crash before it was cleared, is one attempt.
    const payload = JSON.stringify({ ...letter, replay: `${letter.n} ${letter.at}` })
    await broker.publish(
      topics.replay(flow, letter.function, readerOf(letter, wirings.get(letter.function))),
      payload,
      false,
    )
    await broker.publish(topic, '', true)
  }
  return letters.length
}

/** The partition that has the letter's key now: there may be more of them, or fewer, than when it was written. */
function readerOf({ partition, record }: Letter, wiring: Wiring | undefined): string {
  if (!wiring) return '0'
  const { key, partitions } = wiring
  const index = key === undefined ? partition % partitions : shardOf(record.key ?? '', partitions)
  return partitionName(index, wiring)
}

/** Forgets letters. @param ids all when left out. @returns how many */
export async function dropLetters(
  broker: BrokerClient,
  flow: string,
  node?: string,
  ids?: string[],
): Promise<number> {
  const letters = await stored(broker, flow, node, ids)
  for (const { topic } of letters) await broker.publish(topic, '', true)
  return letters.length
}

async function stored(broker: BrokerClient, flow: string, node?: string, ids?: string[]): Promise<Stored[]> {
  const letters: Stored[] = []
  for (const [topic, payload] of await broker.readRetained([topics.deads(flow, node)])) {
    const [, , , name, partition] = topic.split('/') as [string, string, string, string, string]
    try {
      const letter = JSON.parse(payload.toString()) as DeadLetter
      const id = `${partition}/${letter.n}`
      if (!ids || ids.includes(id))
        letters.push({
          topic,
          letter: { ...letter, id, function: name, partition: Number(partition) },
        })
    } catch {} // none of ours
  }
  return letters.toSorted((a, b) => (String(a.letter.at) < String(b.letter.at) ? -1 : 1))
}
