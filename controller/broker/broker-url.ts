import { Problem } from '../../schema/problem.ts'

/** @throws Problem when `url` names no broker that hosts can speak to */
export function checkBrokerUrl(url: string): void {
  if (/^mqtts?:\/\/[^\s/?#]+/.test(url) && URL.canParse(url)) return
  throw new Problem('BadBroker', 'the broker is not the URL of an MQTT broker', {
    disposition: 'stalled',
    hint: 'Write it as mqtt://localhost:1883 or, with TLS, as mqtts://broker.example.org.',
  })
}
