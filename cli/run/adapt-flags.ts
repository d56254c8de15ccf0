import type { Command } from 'commander'
import type { AdaptationSettings } from '../../controller/adaptation/settings.ts'
import { duration } from '../duration.ts'

export interface AdaptFlags {
  lostAfter?: number
  fullAfter?: number
  cutAfter?: number
  healAfter?: number
}

/** The options of a command that runs functions elsewhere when a node can't be used. */
export const adaptOptions = (to: Command): Command =>
  to
    .option(
      '--lost-after <DURATION>',
      'how long a node may not answer before what is on it goes elsewhere (default: 5s)',
      duration,
    )
    .option(
      '--full-after <DURATION>',
      'how long a node may be short of memory before a function leaves it (default: 30s)',
      duration,
    )
    .option(
      '--cut-after <DURATION>',
      'how long nothing in a zone may reach the broker before it goes elsewhere (default: 1m)',
      duration,
    )
    .option(
      '--heal-after <DURATION>',
      'how long a node must be well before it is used again; longer each time (default: 5m)',
      duration,
    )

export function adaptingOf({
  lostAfter,
  fullAfter,
  cutAfter,
  healAfter,
}: AdaptFlags): Partial<AdaptationSettings> {
  return {
    ...(lostAfter !== undefined && { lostAfterMs: lostAfter }),
    ...(fullAfter !== undefined && { fullAfterMs: fullAfter }),
    ...(cutAfter !== undefined && { cutAfterMs: cutAfter }),
    ...(healAfter !== undefined && { healAfterMs: healAfter }),
  }
}
