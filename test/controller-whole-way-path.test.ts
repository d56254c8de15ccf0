import { suite } from 'uvu'
import { goTheWholeWay } from './support/whole-way.ts'

const Way = suite('git push, the controller killed in the middle of each')

Way('over a path: deploys, swaps, rewires, refuses, recovers, and leaves nothing behind', () =>
  goTheWholeWay('a path'),
)

Way.run()
