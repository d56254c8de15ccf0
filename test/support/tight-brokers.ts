import { wireTransport } from '../../runtime/wire-transport.ts'
import { aedes, mosquitto } from './brokers.ts'

/** Longer than a test keeps a function stuck. */
export const patience = { attempts: 1, backoffMs: 5, timeoutMs: 120_000, order: 'strict' as const }

/** A broker in which a window of 64 frames fits, and little more: what does not is dropped without a word. And one outside,
 *  where records come from and go to, whose queues have room. */
export async function tightBrokers() {
  const inside = await mosquitto('max_queued_messages 70\nmax_inflight_messages 10')
  const outside = await aedes()
  return {
    inside: inside.url,
    outside: outside.url,
    /** Publishes outside. */
    device: () =>
      wireTransport(outside.url).connect({ clientId: 'device', clean: true, onMessage() {}, onClose() {} }),
    async close() {
      await inside.close()
      await outside.close()
    },
  }
}
