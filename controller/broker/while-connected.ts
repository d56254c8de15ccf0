import type { MqttClient } from 'mqtt'
import { Problem } from '../../schema/problem.ts'

/** What is asked on a connection that is not opened anew: by itself a client waits for one that does not come back.
 *  @throws Problem when the connection is gone, or goes meanwhile */
export async function whileConnected<T>(client: MqttClient, ask: () => Promise<T>): Promise<T> {
  const lost = new Problem('BrokerUnreachable', 'the connection to the broker was lost', {
    hint: 'Try again once it is back.',
  })
  if (!client.connected) throw lost
  const { promise: gone, reject } = Promise.withResolvers<never>()
  const lose = () => reject(lost)
  client.once('close', lose)
  try {
    return await Promise.race([ask(), gone])
  } finally {
    client.off('close', lose)
  }
}
