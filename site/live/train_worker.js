// Trains in a worker, so that the page stays alive. It is told {load: how to use the browser's cache}, {start: settings, run: its number}, {stop} and {ask: image}; it says {loaded}, {ready}, {at}, {epoch}, {answer} and {failed}.
importScripts('training.js')

{
  'use strict'
  const {SIZE, parts, inked, made, score, descend, compare, similar, sigmoid} = ch4.training
  const TURN = 25 // Milliseconds of training between two looks at the page's wishes
  let train, valid, run = null, model, means

  // The images, unpacked as they come; the bar of the page is told how much is there
  async function load(cache) {
    const response = await fetch('../weights/threes_sevens.bin', {cache})
    if (!response.ok) throw Error(`The images could not be loaded (${response.status}).`)
    const total = +response.headers.get('content-length')
    let here = 0
    const counted = new TransformStream({transform(chunk, out) {
      here += chunk.length
      if (total) postMessage({loaded: Math.min(1, here/total)})
      out.enqueue(chunk)
    }})
    let bytes
    try {
      bytes = new Uint8Array(await new Response(response.body.pipeThrough(counted).pipeThrough(new DecompressionStream('gzip'))).arrayBuffer())
    } catch { throw Error('The file of images is not whole. Load the page again.') }
    ;[train, valid] = parts(bytes)
    postMessage({ready: valid.images})
  }

  // The parameters as pictures: the weights of each unit, or the two means
  function pictures() {
    if (means) return means.map(mean => Float32Array.from(mean))
    return Array.from({length: model.units}, (_, u) => Float32Array.from({length: SIZE}, (_, i) => model.w1[i*model.units + u]))
  }

  async function start({rung, ...settings}, mine) {
    const began = performance.now()
    run = mine
    means = rung === 'pixels' ? [0, 1].map(() => new Float64Array(SIZE)) : null
    model = means ? null : made(rung === 'net' ? 30 : 1, rung === 'net', settings.start, settings.seed)
    const steps = means ? compare(means, train, valid, settings) : descend(model, train, valid, settings)
    for (;;) {
      const turn = performance.now()
      let o
      do o = steps.next(); while (!o.done && !o.value.wrong && performance.now() - turn < TURN)
      if (o.done) return postMessage({run: mine, end: true})
      postMessage({run: mine, at: {...o.value, seconds: (performance.now() - began)/1000}, pictures: pictures()})
      await new Promise(go => setTimeout(go))
      if (run !== mine) return
    }
  }

  // What the model makes of an image: its score, above 0 for a three, and for sigmoid models how sure that is
  function ask(image) {
    const data = inked(Uint8Array.from(image, o => Math.round(255*o)))
    const s = means ? similar(means, data, 0) : score(model, data, 0, new Float64Array(model.units))
    postMessage({answer: {score: s, three: means ? null : sigmoid(s)}})
  }

  addEventListener('message', async ({data}) => {
    try {
      if (data.load) await load(data.load)
      if (data.start) await start(data.start, data.run)
      if (data.stop) run = null
      if (data.ask && (model || means)) ask(data.ask)
    } catch (e) { postMessage({failed: e.message}) }
  })
}
