import { connectAsync, type MqttClient } from 'mqtt'
import type { IPublishPacket, Packet } from 'mqtt-packet'

export interface Service {
  name: string
  inputs: string[]
  output: string
  /** What a payload gives: no, one or many records. @throws when it is malformed: it is put aside */
  handle(payload: string): unknown[]
}

interface Work {
  messageId: number
  waits: number
}

/** One stage: QoS 1, a durable session, many messages under way, each acknowledged once all that it gave is. */
export async function run({ name, inputs, output, handle }: Service): Promise<void> {
  const url = process.env.MQTT_URL
  if (url === undefined) throw new Error('MQTT_URL is not set')
  const client = await connectAsync(url, { clientId: `etl-${name}`, clean: false })
  const acknowledge = deferAcknowledgments(client)
  const order: Work[] = []
  const settle = (work: Work) => {
    work.waits -= 1
    while (order[0]?.waits === 0) acknowledge(order.shift()!.messageId)
  }

  client.on('message', (topic, payload, packet: IPublishPacket) => {
    const work = { messageId: packet.messageId!, waits: 1 }
    order.push(work)
    const publish = (to: string, value: unknown) => {
      work.waits += 1
      client.publish(to, JSON.stringify(value), { qos: 1 }, error => {
        if (error) console.error(`${name}: ${error.message}`)
        else settle(work)
      })
    }
    try {
      for (const record of handle(payload.toString())) publish(output, record)
    } catch (error) {
      publish(`etl/dead/${name}`, { topic, payload: payload.toString(), error: (error as Error).message })
    }
    settle(work)
  })
  client.on('error', error => console.error(`${name}: ${error.message}`))
  process.once('SIGTERM', async () => {
    await client.endAsync()
    process.exit(0)
  })
  await client.subscribeAsync(inputs, { qos: 1 })
  process.send?.('ready')
}

/** mqtt.js acknowledges a message when its handler returns. */
function deferAcknowledgments(client: MqttClient): (messageId: number) => void {
  const internals = client as unknown as { _sendPacket(packet: Packet, done?: () => void): void }
  const send = internals._sendPacket.bind(client)
  internals._sendPacket = (packet, done) => (packet.cmd === 'puback' ? done?.() : send(packet, done))
  return messageId => send({ cmd: 'puback', messageId })
}

/** State of each key, in memory: lost with the process. */
export class States<State> {
  #states = new Map<string, State>()

  /** Calls a function with the state of a key, and keeps what it leaves. */
  with<Result>(key: string, call: (ctx: { state: State | undefined }) => Result): Result {
    const ctx = { state: this.#states.get(key) }
    const result = call(ctx)
    if (ctx.state === undefined) this.#states.delete(key)
    else this.#states.set(key, ctx.state)
    return result
  }
}

export const some = <Value>(value: Value | undefined): Value[] => (value === undefined ? [] : [value])
