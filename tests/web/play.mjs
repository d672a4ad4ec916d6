// {file, motion, times, options, pictures}: load, go to each time, tell; `pictures`: a PNG of each time.
export const start = "three.html";

export async function run(page, { file, motion, times, options, pictures }, url) {
  await page.waitForFunction(() => window.ready);
  const place = (name) => name && `${url}/file${name}`;
  const loaded = await page.evaluate(([a, b]) => window.load(a, b), [place(file), place(motion)]);
  const frames = [];
  for (const [k, time] of times.entries()) {
    frames.push(await page.evaluate(([t, o]) => window.at(t, o), [time, options ?? {}]));
    if (pictures) await page.screenshot({ path: pictures[k] });
  }
  return { loaded, frames };
}
