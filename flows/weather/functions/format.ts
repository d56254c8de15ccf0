import type { Advised } from './advise.ts'

export default function format({ date, low, high, advice }: Advised): string {
  return `${date}: ${low} to ${high} °C. ${advice}`
}
