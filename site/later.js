// The page's other scripts, in their order. A script that waits for the page runs when its styles are there, and not before: asked for from here, the others don't take their share of a slow line from what shows the first words.
for (const src of document.currentScript.dataset.scripts.split(' ')) document.head.append(Object.assign(document.createElement('script'), {src, async: false}))
