import type { SinkSpec } from '../../schema/flow.ts'
import type { Logger } from '../context.ts'
import type { UserModule } from '../invoke.ts'
import type { Way } from '../transport.ts'
import { fileSink } from './file-sink.ts'
import { httpSink } from './http-sink.ts'
import { MqttSink } from './mqtt-sink.ts'

/** A sink is a host whose handler is ours: it resolves once the outside has the record. */
export interface Sink {
  handler: UserModule['default']
  close(): Promise<void>
}

export interface SinkPlace {
  clientId: string
  log: Logger
  wayTo(broker: string | undefined): Way
}

export function sinkOf(spec: SinkSpec, { clientId, log, wayTo }: SinkPlace): Sink {
  switch (spec.type) {
    case 'mqtt':
      return new MqttSink({ ...spec, clientId, log, ...wayTo(spec.broker) })
    case 'file':
      return fileSink(spec.path)
    case 'http':
      return httpSink(spec)
    case 'log':
      return {
        handler: (value, ctx) => log.info('record', { record: ctx.record.id, value }),
        close: async () => {},
      }
  }
}
