"""The charts' own promises: well-formed, all points inside, ticks around what is plotted."""

import sys
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import svg_chart  # noqa: E402  (the path above finds it)

SVG = "{http://www.w3.org/2000/svg}"


class ChartTest(unittest.TestCase):
    def draw(self, points, **kinds):
        chart = svg_chart.Chart("a < b & c", "x", "y", **kinds)
        chart.add("one & only", points, "black")
        return ElementTree.fromstring(chart.render())

    def test_is_well_formed_and_keeps_every_point_inside_the_axes(self):
        points = [(1000, 9.7), (20_000, 33), (1_000_000, 4800)]
        for log_x in (False, True):
            for log_y in (False, True):
                root = self.draw(points, log_x=log_x, log_y=log_y)
                circles = root.findall(f"{SVG}circle")
                self.assertEqual(len(circles), len(points))
                for circle in circles:
                    x, y = float(circle.get("cx")), float(circle.get("cy"))
                    self.assertTrue(svg_chart.LEFT <= x <= svg_chart.WIDTH - svg_chart.RIGHT)
                    self.assertTrue(svg_chart.TOP <= y <= svg_chart.HEIGHT - svg_chart.BOTTOM)

    def test_has_titles_and_legend_as_given(self):
        texts = [text.text for text in self.draw([(1, 1), (2, 2)]).iter(f"{SVG}text")]
        for wanted in ("a < b & c", "x", "y", "one & only"):
            self.assertIn(wanted, texts)

    def test_a_line_is_drawn_in_the_order_of_x(self):
        drawn = self.draw([(3, 1), (1, 1), (2, 1)]).find(f"{SVG}polyline").get("points")
        places = [float(pair.split(",")[0]) for pair in drawn.split()]
        self.assertEqual(places, sorted(places))

    def test_one_point_and_equal_values_are_drawn(self):
        for log in (False, True):
            self.assertEqual(len(self.draw([(5, 5)], log_x=log, log_y=log).findall(f"{SVG}circle")), 1)

    def test_a_chart_without_lines_is_refused(self):
        with self.assertRaises(ValueError):
            svg_chart.Chart("", "", "").render()

    def test_ticks_reach_around_the_values_and_are_few(self):
        for highest in (0.3, 1, 9.3, 10, 99, 130_000):
            ticks = svg_chart.linear_ticks(highest)
            self.assertEqual(ticks[0], 0)
            self.assertGreaterEqual(ticks[-1], highest * (1 - 1e-9))
            self.assertTrue(4 <= len(ticks) <= 12, ticks)
        for lowest, highest in ((9.8, 512), (1000, 1e7), (1000, 1e5), (5, 5), (0.4, 0.9)):
            ticks = svg_chart.log_ticks(lowest, highest)
            self.assertLessEqual(ticks[0], lowest * (1 + 1e-9))
            self.assertGreaterEqual(ticks[-1], highest * (1 - 1e-9))
            self.assertTrue(2 <= len(ticks) <= 12, ticks)


if __name__ == "__main__":
    unittest.main()
