// Answers come in any order, however slow the machine is: what was asked last is what is shown.

// Never twice at once. Whoever asks meanwhile shares the run that begins when this one has ended: it knows what they did.
export function oneAtATime(work) {
  let running = null;
  let next = null;
  const begin = () => (running = work().finally(() => (running = null)));
  return function again() {
    if (!running) return begin();
    next ??= running.catch(() => {}).then(() => {
      next = null;
      return again();
    });
    return next;
  };
}

// One after another, in the order in which they were asked for; each tells its own caller how it ended.
export function inLine() {
  let last = Promise.resolve();
  return (work) => (last = last.catch(() => {}).then(work));
}

// Of several questions for one place only the last one's answer is used, and none after ``forget``.
export function latest() {
  let turn = 0;
  const ask = async (question, use) => {
    const mine = (turn += 1);
    const answer = await question;
    if (mine === turn) use(answer);
  };
  ask.forget = () => (turn += 1);
  return ask;
}
