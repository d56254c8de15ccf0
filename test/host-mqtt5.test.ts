import { connectAsync } from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hasMosquitto, mosquitto } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

// Hosts speak MQTT 3.1.1 to every broker; others on the same broker may speak 5.
const Versions = suite('a client with MQTT 5 at the edges of a graph')

Versions('sends and gets the same records as one with 3.1.1', async () => {
  if (!hasMosquitto()) return
  const broker = await mosquitto()
  const rig = await new Rig(
    broker.url,
    [
      source('in', { type: 'mqtt', filter: 'five/in', format: 'json' }),
      fn('pass', ['in']),
      sink('out', ['pass'], { type: 'mqtt', topic: 'five/out', retain: false }),
    ],
    { pass: value => value },
  ).start()
  const heard = await rig.listen('five/out')
  const client = await connectAsync(broker.url, { protocolVersion: 5, properties: { receiveMaximum: 5 } })
  const got: string[] = []
  client.on('message', (_, payload) => got.push(payload.toString()))
  await client.subscribeAsync('five/out', { qos: 1 })
  for (let n = 1; n <= 50; n++) {
    const properties = {
      userProperties: { from: 'five' },
      contentType: 'application/json',
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      responseTopic: 'five/answer',
      topicAlias: 1,
    }
    // Behind the first message its alias is enough.
    await client.publishAsync(n === 1 ? 'five/in' : '', JSON.stringify({ n }), { qos: 1, properties })
  }
  await until(() => heard.length === 50 && got.length === 50, '50 records at both')
  const expected = Array.from({ length: 50 }, (_, i) => JSON.stringify({ n: i + 1 }))
  assert.equal(got, expected)
  assert.equal(
    heard.map(({ payload }) => String(payload)),
    expected,
  )
  await client.endAsync()
  await rig.close()
  await broker.close()
})

Versions.run()
