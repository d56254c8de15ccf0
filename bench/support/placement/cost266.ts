/**
 * Cities and fibre lines of COST 266, a reference network of Europe: 37 cities, 57 lines, lengths in km. From TopoHub
 * (https://github.com/piotrjurkiewicz/topohub, data/sndlib/cost266.json), which has it from SNDlib.
 *
 * MIT License, Copyright (c) 2023 Piotr Jurkiewicz. Permission is hereby granted, free of charge, to any person obtaining
 * a copy of this software and associated documentation files (the "Software"), to deal in the Software without
 * restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense,
 * and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the
 * following conditions: The above copyright notice and this permission notice shall be included in all copies or
 * substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
 * NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE
 * OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
 */
const lines = `
Amsterdam-Brussels 173.28, Amsterdam-Glasgow 711.64, Amsterdam-Hamburg 368.06, Amsterdam-London 360.30,
Athens-Palermo 908.66, Athens-Sofia 529.41, Athens-Zagreb 1078.54, Barcelona-Madrid 507.07, Barcelona-Marseille 338.89,
Barcelona-Seville 829.60, Belgrade-Budapest 316.46, Belgrade-Sofia 324.24, Belgrade-Zagreb 367.49,
Berlin-Copenhagen 360.01, Berlin-Hamburg 253.40, Berlin-Munich 505.24, Berlin-Prague 280.68, Berlin-Warsaw 516.58,
Birmingham-Glasgow 406.34, Birmingham-London 159.24, Bordeaux-Madrid 555.97, Bordeaux-Marseille 504.85,
Bordeaux-Paris 498.48, Brussels-Dusseldorf 175.70, Brussels-Paris 261.73, Budapest-Krakow 290.70,
Budapest-Prague 445.33, Copenhagen-Oslo 480.46, Copenhagen-Stockholm 517.66, Dublin-Glasgow 308.47,
Dublin-London 459.76, Dusseldorf-Frankfurt 183.16, Frankfurt-Hamburg 394.77, Frankfurt-Munich 304.24,
Frankfurt-Strasbourg 181.21, Helsinki-Oslo 788.55, Helsinki-Stockholm 398.64, Helsinki-Warsaw 914.09,
Krakow-Warsaw 255.42, Lisbon-London 1582.17, Lisbon-Madrid 500.34, Lisbon-Seville 314.07, London-Paris 342.40,
Lyon-Marseille 273.65, Lyon-Paris 396.85, Lyon-Zurich 338.52, Marseille-Rome 604.62, Milan-Munich 347.70,
Milan-Rome 480.74, Milan-Zurich 217.69, Munich-Vienna 356.11, Palermo-Rome 424.43, Paris-Strasbourg 400.36,
Prague-Vienna 250.42, Rome-Zagreb 522.11, Strasbourg-Zurich 145.56, Vienna-Zagreb 267.15`

/** Length of the shortest way along the lines between two cities, km. */
export type Distances = Map<string, Map<string, number>>

export function distances(): Distances {
  const parsed = lines
    .trim()
    .split(/,\s*/)
    .map(line => /^(\w+)-(\w+) ([\d.]+)$/.exec(line)!)
  const cities = [...new Set(parsed.flatMap(([, a, b]) => [a!, b!]))].sort()
  const km: Distances = new Map(
    cities.map(city => [city, new Map(cities.map(other => [other, city === other ? 0 : Infinity]))]),
  )
  for (const [, a, b, length] of parsed) {
    km.get(a!)!.set(b!, Number(length))
    km.get(b!)!.set(a!, Number(length))
  }
  for (const via of cities)
    for (const a of cities)
      for (const b of cities) {
        const detour = km.get(a)!.get(via)! + km.get(via)!.get(b)!
        if (detour < km.get(a)!.get(b)!) km.get(a)!.set(b, detour)
      }
  return km
}
