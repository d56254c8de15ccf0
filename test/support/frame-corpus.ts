import fc from 'fast-check'

/** Frames as hosts write them. */
export const corpus: Buffer[] = [
  '{"v":1,"r":[{"n":1}],"p":0,"s":["1"],"t":1700000000000,"o":["in.0"]}',
  '{"v":1,"r":["x",[1,2,3]],"p":3,"s":["1.2","7"],"t":1,"d":[0,1],"o":["in.0/parse.0","in.0"],"i":[0,1],"k":["k1",null],"e":[null,"sensors/a"]}',
  '{"v":1,"r":[],"p":0,"s":[],"t":0,"o":[]}',
  '{"v":1,"r":[null,null,null],"p":0,"s":["12345",1,0],"t":1,"d":[0,1,1],"o":["😀"],"k":["é","é","é"]}',
  '{"v":2,"r":[],"c":[[["room","n"],["attic","attic","cellar","cellar"],[1,2,3,null]]],"p":0,"n":4,"s":["4"],"t":1,"o":["in.0"]}',
  '{"v":2,"r":[[1]],"c":[[["n"],[1,2]],[["n","__proto__"],[3],[4]]],"g":[0,-1,1,0],"p":0,"s":["4",1,1,2],"t":1,"o":["in.0"]}',
].map(text => Buffer.from(text))

/** One thing that goes wrong with a frame. @param at, to: any two numbers, which choose where and how */
export function damage(frame: Buffer, kind: number, at: number, to: number): Buffer {
  const place = at % (frame.length + 1)
  const tokens = ['1e999', '-1', '""', 'null', '[[', '"__proto__"', '{}', '99999999999999999999', '\\u0000']
  switch (kind % 5) {
    case 0: // truncated
      return frame.subarray(0, place)
    case 1: {
      // a bit flipped
      const copy = Buffer.from(frame)
      if (place < copy.length) copy[place]! ^= 1 << (to % 8)
      return copy
    }
    case 2: // something put in
      return Buffer.concat([
        frame.subarray(0, place),
        Buffer.from(tokens[to % tokens.length]!),
        frame.subarray(place),
      ])
    case 3: // a piece repeated
      return Buffer.concat([frame.subarray(0, place), frame.subarray(to % (place + 1))])
    default: // a number replaced
      return Buffer.from(
        frame.toString().replace(/\d+/g, digits => ((at + digits.length) % 3 === 0 ? String(to) : digits)),
      )
  }
}

/** Damaged once to three times. */
export const mutants = () =>
  fc
    .tuple(
      fc.nat(corpus.length - 1),
      fc.array(fc.tuple(fc.nat(4), fc.nat(1_000), fc.nat(1_000_000)), { minLength: 1, maxLength: 3 }),
    )
    .map(([which, damages]) =>
      damages.reduce<Buffer>((frame, [kind, at, to]) => damage(frame, kind, at, to), corpus[which]!),
    )
