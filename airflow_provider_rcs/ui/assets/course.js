// The course of a campaign, drawn from the table that says the same.
"use strict";
(() => {
  const HOUR = 3600;
  // As uPlot asks for them: distance of the labels in seconds, and their texts by what has changed since the last one.
  const HOURS = [
    [24 * HOUR, "{MMM} {DD}", "\n{YYYY}", null, null, null, null, null, 1],
    [HOUR, "{HH}:00", "\n{MMM} {DD}", null, "\n{MMM} {DD}", null, null, null, 1],
    [60, "{HH}:{mm}", "\n{MMM} {DD}", null, "\n{MMM} {DD}", null, null, null, 1],
  ];
  const KINDS = ["accepted", "delivered", "read", "failed"];
  const place = document.getElementById("chart");
  const rows = [...document.getElementById(place.dataset.table).tBodies[0].rows].map((row) => [
    Date.parse(row.querySelector("time").dateTime) / 1000,
    ...[...row.cells].slice(1).map((cell) => Number(cell.textContent.replaceAll(",", ""))),
  ]);

  // Hours in which nothing happened are not in the table: the line falls to zero in them.
  const points = [[rows[0][0] - HOUR, 0, 0, 0, 0]];
  rows.forEach((row, index) => {
    points.push(row);
    const next = rows[index + 1];
    if (!next || next[0] > row[0] + HOUR) points.push([row[0] + HOUR, 0, 0, 0, 0]);
    if (next && next[0] > row[0] + 2 * HOUR) points.push([next[0] - HOUR, 0, 0, 0, 0]);
  });
  // Of a line at zero, only the ends are drawn: four of them would lie on the axis.
  const isFlat = (column, index) => [-1, 0, 1].every((step) => !points[index + step]?.[column]);
  const data = points[0].map((_, column) => points.map((point, index) => (column && isFlat(column, index) ? null : point[column])));

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  let chart;

  const draw = () => {
    chart?.destroy();
    const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
    const steps = uPlot.paths.stepped({ align: 1 });
    chart = new uPlot(
      {
        width: place.clientWidth,
        height: place.clientHeight,
        legend: { show: false },
        cursor: { show: false },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
        axes: [{ ...axis, space: 70, values: HOURS }, { ...axis, size: 60, values: (_, values) => values.map((value) => value.toLocaleString("en")) }],
        scales: { y: { range: (_, low, high) => [0, Math.max(high, 1) * 1.05] } },
        series: [{}, ...KINDS.map((kind) => ({ stroke: colour(kind), width: 1.75, paths: steps, points: { show: false } }))],
      },
      data,
      place,
    );
  };

  draw();
  document.addEventListener("rcs-theme", draw);
  new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height: place.clientHeight })).observe(place);
})();
