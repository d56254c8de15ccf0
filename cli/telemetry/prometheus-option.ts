import { InvalidArgumentError, Option } from 'commander'

/** Of a command that can look at telemetry that Prometheus has kept. */
export const prometheusOption = () =>
  new Option('--prometheus <URL>', 'ask a Prometheus that scrapes the controller, instead of what that keeps')
    .env('DYNINKA_PROMETHEUS')
    .argParser(urlOf)

function urlOf(text: string): string {
  const url = URL.parse(text)
  if (url && /^https?:$/.test(url.protocol)) return text
  throw new InvalidArgumentError('It is like http://prometheus.example:9090.')
}
