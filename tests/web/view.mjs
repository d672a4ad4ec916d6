// {file, shots: [{width, height, scale, picture, time}], slide: {channel, mesh, vertex}}: what the viewer's page does.
export async function run(page, { file, shots, slide }, url) {
  await page.setViewportSize({ width: shots[0].width, height: shots[0].height });
  const drawn = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(`${url}/file${file}`);
  await page.waitForFunction(() => window.speechface);
  const found = await page.evaluate(() => ({
    takes: speechface.takes.map((take) => ({
      name: take.name, duration: take.duration, channels: take.channels, sound: take.sound?.duration ?? null,
    })),
    wide: document.documentElement.scrollWidth > innerWidth + 1,
  }));
  const loudest = await page.evaluate(() => {
    const { sound } = speechface.player;
    if (!sound) return null;
    const samples = sound.getChannelData(0);
    let at = 0;
    samples.forEach((value, k) => Math.abs(value) > Math.abs(samples[at]) && (at = k));
    return at / sound.sampleRate;
  });
  await page.click("button.play");
  await page.waitForFunction(() => speechface.player.time > 0.3, null, { timeout: 20000 });
  const played = await page.evaluate(() => ({ time: speechface.player.time, playing: speechface.player.playing }));
  await page.evaluate(() => speechface.player.pause()); // a click might come after the end and start it again
  const places = [];
  for (const shot of shots) {
    await page.setViewportSize({ width: shot.width, height: shot.height });
    await page.evaluate((time) => speechface.player.seek(time), shot.time);
    await drawn();
    if (shot.picture) await page.screenshot({ path: shot.picture, fullPage: true });
    places.push(await page.evaluate(() => ({
      time: speechface.player.time, wide: document.documentElement.scrollWidth > innerWidth + 1,
    })));
  }
  let moved = null;
  if (slide) {
    const vertex = () => page.evaluate(({ vertex }) => {
      const mesh = speechface.takes[0].meshes[0];
      return mesh.getVertexPosition(vertex, mesh.position.clone()).toArray();
    }, slide);
    const before = await vertex();
    await page.evaluate(() => (document.querySelector("details.channels").open = true));
    const slider = page.getByRole("slider", { name: slide.channel, exact: true });
    await slider.fill("1");
    await drawn();
    const after = await vertex();
    await page.getByRole("button", { name: "let go of all" }).click();
    await drawn();
    moved = { before, after, released: await vertex() };
  }
  return { ...found, played, places, moved, loudest, requests: requests.filter((one) => !one.startsWith("blob:") && !one.startsWith("data:")) };
}
