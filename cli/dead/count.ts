import { paint } from '../paint.ts'

/** That a function gave records up, and what to do. @param where more options of the command */
export const deadText = (name: string, count: number, where = '') =>
  `${paint('bold', name)}: ${paint('red', `${count} record${count === 1 ? '' : 's'} given up`)} ${paint('cyan', '→')} dyninka dead list ${name}${where}`
