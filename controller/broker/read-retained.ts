import type { MqttClient } from 'mqtt'

const minQuietMs = 100

/** Everything retained under the filters, by topic. Nothing in MQTT says that the last has come; a silence does: of
 *  several round trips, since a broker that is busy takes its time.
 *  QoS 0: at QoS 1 a default mosquitto brings 1,020 of 20,000 and drops the rest without a word. */
export async function readRetained(client: MqttClient, filters: string[]): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>()
  await new Promise<void>((resolve, reject) => {
    let quiet: NodeJS.Timeout
    let quietMs = minQuietMs
    const start = performance.now()
    const wait = () => {
      clearTimeout(quiet)
      quiet = setTimeout(resolve, quietMs)
    }
    client.on('message', (topic, payload, packet) => {
      if (!packet.retain) return // it is published just now
      if (payload.length > 0) found.set(topic, payload)
      wait()
    })
    client.subscribeAsync(filters, { qos: 0 }).then(() => {
      quietMs = Math.max(minQuietMs, 3 * (performance.now() - start))
      wait()
    }, reject)
  })
  return found
}
