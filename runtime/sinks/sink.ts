import type { SinkSpec } from '../../schema/flow.ts'
import type { Logger } from '../context.ts'
import type { UserModule } from '../invoke.ts'
import type { RoundTrip, Way } from '../transport.ts'
import { fileSink } from './file-sink.ts'
import { httpSink } from './http-sink.ts'
import { MqttSink } from './mqtt-sink.ts'

/** A sink is a host whose handler is ours: it resolves once the outside has the record. */
export interface Sink {
  handler: UserModule['default']
  /** Round trip to a broker of its own, ms; undefined where it has none, or is not connected. */
  roundTrip?(): Promise<RoundTrip | undefined>
  close(): Promise<void>
}

export interface SinkPlace {
  clientId: string
  log: Logger
  wayTo(broker: string | undefined): Way
  /** Counts what the outside has taken over. */
  sent(bytes: number): void
}

export function sinkOf(spec: SinkSpec, { clientId, log, wayTo, sent }: SinkPlace): Sink {
  switch (spec.type) {
    case 'mqtt':
      return new MqttSink({ ...spec, clientId, log, sent, ...wayTo(spec.broker) })
    case 'file':
      return fileSink(spec.path, sent)
    case 'http':
      return httpSink(spec, sent)
    case 'log':
      return {
        handler: (value, ctx) => log.info('record', { record: ctx.record.id, value }),
        close: async () => {},
      }
  }
}
