import type { SenmlRecord } from '../lib/senml.ts'

const MISSING = 9999.9 // NOAA's word for it; SenML has none

/** One line of CSV (`New York,2013-01-01,0.0,5.0,-2.8,6.8,sun`) as a SenML pack. */
export default function toSenml(line: string): SenmlRecord[][] {
  const [location = '', date = '', ...cells] = line.split(',')
  const [precipitation, high, low, wind] = cells.map(cell => (cell === '' ? MISSING : Number(cell)))
  const time = Date.parse(date) / 1000
  if (![time, precipitation, high, low, wind].every(Number.isFinite)) throw new TypeError(`no row: ${line}`)

  const device = location.toLowerCase().replaceAll(' ', '-')
  const pack = [
    { bn: `${device}/`, bt: time, n: 'precipitation', u: 'mm', v: precipitation },
    { n: 'temp_max', u: 'Cel', v: high },
    { n: 'temp_min', u: 'Cel', v: low },
    { n: 'wind', u: 'm/s', v: wind },
  ]
  return [pack] // a returned list is that many records; the pack is one
}
