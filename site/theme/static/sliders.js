"use strict";

// Pictures that move. site/sliders.py has put the numbers into the page; here they are drawn, in SVG, for each
// position of the sliders, and said in words.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const draw = (tag, attributes, text) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const number = (value, digits = 2) => value.toFixed(digits).replace("-", "\u2212");
  const percent = (share) => `${Math.round(100 * share)} %`;

  // A drawing of 360 by 250 with axes; `at` turns data into places. Ranges are [lowest, highest].
  class Drawing {
    constructor(box, { x, y, xTicks, yTicks, xLabel, yLabel, left = 46, digits = 0 }) {
      this.x = x;
      this.y = y;
      this.frame = { left, right: 350, top: 10, bottom: 212 };
      this.svg = draw("svg", { viewBox: "0 0 360 250", role: "img" });
      box.append(this.svg);
      const { right, top, bottom } = this.frame;
      this.svg.append(draw("path", { class: "axis", d: `M${left} ${top}V${bottom}H${right}` }));
      for (const value of xTicks) {
        const [at] = this.at(value, y[0]);
        this.svg.append(draw("path", { class: "axis", d: `M${at} ${bottom}v4` }), draw("text", { x: at, y: bottom + 16, "text-anchor": "middle" }, number(value, digits)));
      }
      for (const value of yTicks) {
        const [, at] = this.at(x[0], value);
        this.svg.append(draw("path", { class: "axis", d: `M${left} ${at}h-4` }), draw("text", { x: left - 7, y: at + 4, "text-anchor": "end" }, number(value, digits)));
      }
      this.svg.append(
        draw("text", { x: (left + right) / 2, y: 244, "text-anchor": "middle" }, xLabel),
        draw("text", { transform: `translate(11 ${(top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, yLabel ?? ""),
      );
      this.moving = this.svg.appendChild(draw("g", {}));
    }

    at(x, y) {
      const { left, right, top, bottom } = this.frame;
      const share = (value, [low, high]) => (value - low) / (high - low);
      return [left + share(x, this.x) * (right - left), bottom - share(y, this.y) * (bottom - top)].map((place) => Math.round(10 * place) / 10);
    }

    path(points, kind, into = this.svg) {
      into.append(draw("path", { class: kind, d: points.map(([x, y], i) => `${i ? "L" : "M"}${this.at(x, y).join(" ")}`).join("") }));
    }

    dots(points, kind, r = 3, into = this.moving) {
      for (const [x, y] of points) {
        const [cx, cy] = this.at(x, y);
        into.append(draw("circle", { class: kind, cx, cy, r }));
      }
    }

    clear(words) {
      this.moving.replaceChildren();
      this.svg.setAttribute("aria-label", words);
    }
  }

  const PICTURES = {
    zero(box, { fixed, variances: [first, slope], covariance, schools, ages: [young, old] }) {
      const reach = [0, 14];
      const line = ([u0, u1], x) => fixed[0] + u0 + (fixed[1] + u1) * x;
      const lines = new Drawing(box, { x: reach, y: [-10, 100], xTicks: [0, 2, 4, 6, 8, 10, 12, 14], yTicks: [0, 20, 40, 60, 80, 100], xLabel: "age (years)", yLabel: "test score (points)" });
      for (const school of schools) {
        lines.path(reach.map((x) => [x, line(school, x)]), "faint", lines.svg);
        lines.path([young, old].map((x) => [x, line(school, x)]), "line", lines.svg);
      }
      lines.svg.append(lines.moving);
      const widest = Math.max(...schools.flatMap((school) => reach.map((x) => Math.abs(school[0] + school[1] * x))));
      const steepest = Math.max(...schools.map(([, u1]) => Math.abs(u1)));
      const upTo = (most, ...values) => values.filter((value) => Math.abs(value) <= most);
      const cloud = new Drawing(box, { x: [-1.08 * widest, 1.08 * widest], y: [-1.08 * steepest, 1.08 * steepest], xTicks: upTo(widest, -40, -20, 0, 20, 40), yTicks: upTo(steepest, -4, -2, 0, 2, 4), xLabel: "intercept at zero, from the mean (points)", yLabel: "slope, from the mean (points per year)" });
      return ([zero]) => {
        const sd = Math.sqrt(first + 2 * zero * covariance + zero ** 2 * slope);
        const correlation = (covariance + zero * slope) / (sd * Math.sqrt(slope));
        lines.clear(`The lines of 60 schools, test score against age, with zero marked at age ${zero}.`);
        lines.path([[zero, -10], [zero, 100]], "zero", lines.moving);
        lines.dots(schools.map((school) => [zero, line(school, zero)]), "dot", 2.4);
        cloud.clear(`60 schools by their intercept at age ${zero} and their slope: a cloud of correlation ${number(correlation)} in the model.`);
        cloud.dots(schools.map(([u0, u1]) => [u0 + u1 * zero, u1]), "dot");
        const turn = -covariance / slope;
        const side = Math.abs(correlation) < 0.05 ? "Here the lines are closest, and a high school is neither flat nor steep."
          : correlation < 0 ? "High schools seem to be the flat ones." : "High schools are the steep ones.";
        return `Zero at age ${number(zero, 1)}: the intercepts differ with an SD of ${number(sd, 1)} points, and correlate with the slopes at ${number(correlation)}. ${side} The correlation is 0 at age ${number(turn, 1)}.`;
      };
    },

    shrinkage(box, { mean, between, within, schools }) {
      const low = 5 * Math.floor(Math.min(...schools) / 5), high = 5 * Math.ceil(Math.max(...schools) / 5);
      const ticks = Array.from({ length: (high - low) / 5 + 1 }, (_, i) => low + 5 * i);
      const drawing = new Drawing(box, { x: [low, high], y: [0, 1], xTicks: ticks, yTicks: [], xLabel: "test score (points); dashed: the mean of all schools", left: 76 });
      drawing.svg.append(draw("text", { x: 2, y: 42 }, "its own mean"), draw("text", { x: 2, y: 194 }, "predicted"));
      drawing.path([[mean, 0], [mean, 1]], "grid");
      drawing.svg.append(drawing.moving);
      return ([n]) => {
        const kept = between / (between + within / n);
        drawing.clear(`The means of 20 schools, and below them the means that the model predicts with ${n} pupils each: ${percent(kept)} of their distance from the mean of all is left.`);
        const predicted = schools.map((own) => mean + kept * (own - mean));
        schools.forEach((own, i) => drawing.path([[own, 0.86], [predicted[i], 0.1]], "line", drawing.moving));
        drawing.dots(schools.map((own) => [own, 0.86]), "dot");
        drawing.dots(predicted.map((own) => [own, 0.1]), "full");
        return `With ${n === 1 ? "1 pupil" : `${n} pupils`} in each school, a school keeps ${percent(kept)} of its distance from the mean of all: one that lies 10 points above it is predicted ${number(10 * kept, 1)} above. The share is τ² / (τ² + σ²/n), with τ² = ${number(between, 1)} between schools and σ² = ${number(within, 1)} inside them.`;
      };
    },

    icc(box, { schools, pupils }) {
      const drawing = new Drawing(box, { x: [0.3, schools.length + 0.7], y: [-45, 45], xTicks: schools.map((_, i) => i + 1), yTicks: [-40, -20, 0, 20, 40], xLabel: "school", yLabel: "test score, from the mean (points)" });
      return ([between, within]) => {
        const icc = between ** 2 / (between ** 2 + within ** 2);
        drawing.clear(`The scores of 15 pupils in each of 12 schools, with SDs of ${between} between schools and ${within} inside them: the ICC is ${number(icc)}.`);
        schools.forEach((u, j) => {
          const here = u * between;
          drawing.dots(pupils[j].map((e, i) => [j + 1 + 0.028 * (i - 7), here + e * within]), "dot", 2.3);
          drawing.path([[j + 0.68, here], [j + 1.32, here]], "bar", drawing.moving);
        });
        return `${number(between ** 2, 1)} of a variance of ${number(between ** 2 + within ** 2, 1)} lies between schools: the ICC is ${number(icc)}, and so is the correlation of two pupils of one school. The SDs themselves say less: ${number(between, 1)} of ${number(between + within, 1)} would be ${percent(between / (between + within))}.`;
      };
    },

    power(box, { schools, pupils, power }) {
      const drawing = new Drawing(box, { x: [0, schools.at(-1)], y: [0, 1], xTicks: [0, 20, 40, 60, 80], yTicks: [], xLabel: "schools", yLabel: "power" });
      for (const value of [0.2, 0.4, 0.6, 0.8, 1]) {
        const [x, y] = drawing.at(0, value);
        drawing.svg.append(draw("text", { x: x - 7, y: y + 4, "text-anchor": "end" }, value));
      }
      drawing.path([[0, 0.8], [schools.at(-1), 0.8]], "grid");
      drawing.svg.append(drawing.moving);
      const chance = (n) => power[pupils.indexOf(n)];
      return ([j, asked]) => {
        const n = pupils.reduce((best, one) => (Math.abs(one - asked) < Math.abs(best - asked) ? one : best));
        const at = schools.indexOf(j);
        drawing.clear(`Power against the number of schools with ${n} pupils each: ${number(chance(n)[at])} with ${j} schools.`);
        for (const one of [2, 50]) drawing.path(schools.map((x, i) => [x, chance(one)[i]]), "faint", drawing.moving);
        drawing.path(schools.map((x, i) => [x, chance(n)[i]]), "curve", drawing.moving);
        drawing.dots([[j, chance(n)[at]]], "mark", 5);
        const twice = schools.indexOf(2 * j);
        const more = twice < 0 ? "" : ` Twice the schools: ${number(chance(n)[twice])}.`;
        const [most] = pupils.slice(-1);
        return [`${j} schools with ${n} pupils each, ${(j * n).toLocaleString("en")} in all: the programme is found with a chance of ${number(chance(n)[at])}.${more} With ${most} pupils in each, ${number(chance(most)[at])}. (Thin: 2 and ${most} pupils in each; dashed: 0.8.)`, [j, n]];
      };
    },

    surface(box, { step, best, above, sigma, intercept, slope, contours, schools }) {
      const last = step * (above.length - 1), ticks = [0, 0.5, 1, 1.5];
      const map = new Drawing(box, { x: [0, last], y: [0, last], xTicks: ticks, yTicks: ticks, digits: 1, xLabel: "θ of classrooms", yLabel: "θ of schools" });
      for (const { level, lines } of contours) {
        for (const line of lines) {
          map.path(line, "contour");
          const [x, y] = map.at(...line[Math.floor(line.length / 2)]);
          map.svg.append(draw("text", { class: "height", x, y: y + 4, "text-anchor": "middle" }, level));
        }
      }
      const [starX, starY] = map.at(...best);
      const tips = Array.from({ length: 10 }, (_, i) => [starX + (i % 2 ? 3.4 : 9) * Math.sin(0.2 * i * Math.PI), starY - (i % 2 ? 3.4 : 9) * Math.cos(0.2 * i * Math.PI)]);
      map.svg.append(draw("path", { class: "mark", d: `M${tips.map((tip) => tip.map((place) => place.toFixed(1)).join(" ")).join("L")}Z` }));
      map.svg.append(map.moving);
      const means = new Drawing(box, { x: [0.3, schools.length + 0.7], y: [-25, 25], xTicks: [1, 5, 10, 15, 20], yTicks: [-20, -10, 0, 10, 20], xLabel: "school", yLabel: "points, from what age predicts" });
      means.path([[0.3, 0], [schools.length + 0.7, 0]], "grid");
      means.svg.append(means.moving);

      // The effects of a school and of its classrooms, given what is left of their means without the fixed part.
      const predict = (rooms, room, school) => {
        const weights = rooms.map(({ n }) => n / (1 + room ** 2 * n));
        const pull = rooms.reduce((sum, { left }, i) => sum + weights[i] * left, 0);
        const effect = school ** 2 * pull / (1 + school ** 2 * weights.reduce((sum, weight) => sum + weight, 0));
        return { effect, rooms: rooms.map(({ left }, i) => effect + room ** 2 * weights[i] * (left - effect)) };
      };
      const meaning = (room, school, height) => {
        if (height < 0.1) return "This is the lowest point, as near as the sliders come to it: the values that make these scores most likely, so they are the estimates.";
        const times = Math.exp(height / 2);
        const so = times > 1e6 ? "over a million" : times < 10 ? number(times, 1) : Number(times.toPrecision(2)).toLocaleString("en");
        const lower = `The deviance is ${number(height, 1)} above its lowest: at the star, the likelihood is ${so} times as high.`;
        if (!room && !school) return `${lower} Both θ are 0, and that is allowed: nothing differs but pupils, as in ordinary regression.`;
        if (!room) return `${lower} θ = 0 is allowed: classrooms of one school are predicted alike. If the star lay here, the fit would be singular.`;
        if (!school) return `${lower} θ = 0 is allowed: schools do not differ, and their classrooms have to account for all. If the star lay here, the fit would be singular.`;
        return lower;
      };
      const side = (points) => `${number(Math.abs(points), 1)} points ${points < 0 ? "below" : "above"}`;
      return ([room, school]) => {
        const column = Math.round(room / step), row = Math.round(school / step);
        const [height, sd, at10, perYear] = [above, sigma, intercept, slope].map((grid) => grid[row][column]);
        map.clear(`Contours of the deviance over the θ of classrooms and of schools, lowest at ${number(best[0])} and ${number(best[1])}. The point at ${number(room)} and ${number(school)} is ${number(height, 1)} higher.`);
        map.dots([[room, school]], "full", 6);
        const lefts = schools.map((rooms) => rooms.map(([n, age, score]) => ({ n, left: score - at10 - perYear * age })));
        const predicted = lefts.map((rooms) => predict(rooms, room, school));
        means.clear(`20 schools and their classrooms as they are and as predicted, with SDs of ${number(school * sd, 1)} points between schools and ${number(room * sd, 1)} between classrooms.`);
        lefts.forEach((rooms, j) => {
          const place = (i) => j + 1 + 0.18 * (i - (rooms.length - 1) / 2);
          rooms.forEach(({ left }, i) => means.path([[place(i), left], [place(i), predicted[j].rooms[i]]], "line", means.moving));
          means.path([[j + 0.6, predicted[j].effect], [j + 1.4, predicted[j].effect]], "bar", means.moving);
          means.dots(rooms.map(({ left }, i) => [place(i), left]), "dot", 2.2);
          means.dots(predicted[j].rooms.map((effect, i) => [place(i), effect]), "full", 2.2);
        });
        const [rooms] = lefts;
        const own = rooms.reduce((sum, { n, left }) => sum + n * left, 0) / rooms.reduce((sum, { n }) => sum + n, 0);
        const words = `σ is ${number(sd, 1)}, so classrooms differ with an SD of θσ = ${number(room * sd, 1)} points and schools with ${number(school * sd, 1)}; β is ${number(at10, 1)} at age 10 and ${number(perYear)} a year. The pupils of school 1 lie ${side(own)} what age predicts; the school is predicted ${school ? side(predicted[0].effect) : "as all others"}.`;
        return [`${meaning(room, school, height)} ${words}`, [number(room), number(school)]];
      };
    },
  };

  for (const figure of document.querySelectorAll("[data-slider]")) {
    const inputs = [...figure.querySelectorAll("input")];
    const outputs = [...figure.querySelectorAll("output")];
    const reading = figure.querySelector(".reading");
    const show = PICTURES[figure.dataset.slider](figure.querySelector(".drawing"), JSON.parse(figure.querySelector("script").textContent));
    const update = () => {
      const values = inputs.map((input) => Number(input.value));
      const said = show(values);
      const [words, shown] = Array.isArray(said) ? said : [said, values];
      reading.textContent = words;
      outputs.forEach((output, i) => { output.textContent = shown[i]; });
      inputs.forEach((input, i) => input.setAttribute("aria-valuetext", shown[i]));
    };
    inputs.forEach((input) => input.addEventListener("input", update));
    figure.hidden = false;
    update();
  }
})();
