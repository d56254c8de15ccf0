import type { Day } from './parse.ts'

export interface Advised extends Day {
  advice: string
}

export default function advise(day: Day): Advised {
  return { ...day, advice: adviceFor(day) }
}

function adviceFor({ high, low, rain, wind }: Day): string {
  if (rain > 1) return 'Take an umbrella.' // edit this line, commit, push
  if (low < 0) return 'Mind the ice.'
  if (wind > 6) return 'Hold on to your hat.'
  if (high > 25) return 'Stay in the shade.'
  return 'Enjoy the day.'
}
