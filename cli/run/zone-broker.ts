import { InvalidArgumentError, Option } from 'commander'

export interface ZoneBrokerFlags {
  zoneBroker?: Record<string, string>
}

/** `--zone-broker ZONE=URL`, once for each. */
export const zoneBrokerOption = (): Option =>
  new Option(
    '--zone-broker <ZONE=URL>',
    'broker of a zone, for what is sent from there; embedded as URL for one that Dyninka runs; may be repeated',
  ).argParser((text: string, before: Record<string, string> = {}) => {
    const [, zone, url] = /^([^=]+)=(.+)$/.exec(text) ?? []
    if (zone === undefined || url === undefined)
      throw new InvalidArgumentError('Write it as ZONE=URL, like edge=mqtt://edge.example.org:1883.')
    if (zone in before) throw new InvalidArgumentError(`The zone ${zone} has one already.`)
    return { ...before, [zone]: url }
  })

export const zoneBrokersOf = ({ zoneBroker }: ZoneBrokerFlags) =>
  zoneBroker === undefined ? {} : { zoneBrokers: zoneBroker }
