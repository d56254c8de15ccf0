/**
 * A service by hand on mqtt.js: one record a message, acknowledged once its output is.
 * `handleMessage` is the documented way to delay an acknowledgment. It holds back everything else on its
 * connection, the acknowledgment of the output too, so the output needs a connection of its own.
 */
import type { Socket } from 'node:net'
import { connectAsync } from 'mqtt'
import { step } from './step.ts'

const [url, from, to] = process.argv.slice(2) as [string, string, string]

const output = await connectAsync(url)
const input = await connectAsync(url, { clientId: `peer-${from.replaceAll('/', '-')}`, clean: false })
for (const { stream } of [input, output]) (stream as Socket).setNoDelay(true)
input.handleMessage = ({ payload }, done) => {
  output.publish(to, JSON.stringify(step(JSON.parse(payload.toString()))), { qos: 1 }, error =>
    done(error ?? undefined),
  )
}
await input.subscribeAsync(from, { qos: 1 })
process.send?.('ready')
