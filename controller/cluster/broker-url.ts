import { Problem } from '../../schema/problem.ts'
import { checkBrokerUrl } from '../broker/broker-url.ts'
import type { Credentials } from './credentials.ts'
import type { DataflowResource } from './resource.ts'

/** URL of a Dataflow's broker, with user and password. @throws Problem */
export function brokerUrlOf(
  { spec }: DataflowResource,
  { brokerUrl }: Pick<Credentials, 'brokerUrl'>,
): string {
  const url = spec.broker.url ?? brokerUrl
  if (url === undefined) {
    throw new Problem('BrokerNotManaged', 'this controller runs no brokers', {
      disposition: 'stalled',
      hint: 'Run one yourself, and give its URL in spec.broker.url instead of spec.broker.managed.',
    })
  }
  checkBrokerUrl(url)
  return url
}
