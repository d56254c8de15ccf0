import { connectAsync, type IClientOptions } from 'mqtt'
import { whileConnected } from './while-connected.ts'

// A clean connection of our own; the default of 30 s for a lost one is too slow to report.
export const options: IClientOptions = {
  protocolVersion: 4,
  clean: true,
  keepalive: 10,
  reconnectPeriod: 500,
  connectTimeout: 5_000,
}

/** Opens a session that outlives this connection, or adds to the subscriptions of one.
 *  @param first retained through the session itself before anything can come: whoever had it has lost it, and whoever takes it
 *  over later reads this. @throws when somebody takes it over meanwhile */
export async function openSession(
  url: string,
  clientId: string,
  filters: string[],
  first?: { topic: string; payload: string },
): Promise<void> {
  const client = await connectAsync(url, { ...options, reconnectPeriod: 0, clean: false, clientId }, false)
  await whileConnected(client, async () => {
    if (first) await client.publishAsync(first.topic, first.payload, { qos: 1, retain: true })
    await client.subscribeAsync(filters, { qos: 1 })
  })
  await client.endAsync()
}

/** A clean connection under a session's ID ends the session. */
export async function discardSession(url: string, clientId: string): Promise<void> {
  const client = await connectAsync(url, { ...options, reconnectPeriod: 0, clientId }, false)
  await client.endAsync()
}
