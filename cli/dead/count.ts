import { paint } from '../paint.ts'

/** That a function gave records up, and what to do. */
export const deadText = (name: string, count: number) =>
  `${paint('bold', name)}: ${paint('red', `${count} record${count === 1 ? '' : 's'} given up`)} ${paint('cyan', '→')} dyninka dead list ${name}`
