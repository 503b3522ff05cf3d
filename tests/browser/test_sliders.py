"""The pictures that move, in a browser: by the keyboard, said aloud, readable for all."""

from collections.abc import Callable

import pytest
from chromium import seen_by_axe, too_wide
from playwright.sync_api import Page, expect

LESSONS = {
    "zero": "03-random-slopes",
    "shrinkage": "02-random-intercepts",
    "icc": "06-interpretation",
    "power": "09-planning-a-study",
    "surface": "10-under-the-bonnet",
}


@pytest.fixture
def opened(visit) -> Callable[[str], Page]:
    """A function that opens the lesson of a slider; Python is not started."""
    return lambda name: visit(f"notebooks/{LESSONS[name]}.html")


def test_the_correlation_turns_as_zero_moves(opened):
    page = opened("zero")
    slider, reading = page.get_by_label("Zero is at age"), page.locator(".slider .reading")
    expect(reading).to_have_attribute("aria-live", "polite")
    before = reading.inner_text()
    assert "High schools seem to be the flat ones" in before
    slider.focus()
    page.keyboard.press("End")
    expect(slider).to_have_value("14")
    expect(reading).to_contain_text("High schools are the steep ones")
    page.keyboard.press("ArrowLeft")
    expect(reading).to_contain_text("Zero at age 13.5")
    assert "age 13.5" in page.locator(".slider svg").last.get_attribute("aria-label")


def test_a_school_shrinks_less_with_more_pupils(opened):
    page = opened("shrinkage")
    slider, reading = page.get_by_label("Pupils in each school"), page.locator(".slider .reading")
    slider.fill("1")
    expect(reading).to_contain_text("keeps 30 % of its distance")
    slider.fill("60")
    expect(reading).to_contain_text("keeps 96 % of its distance")


def test_the_icc_is_a_share_of_variances(opened):
    page = opened("icc")
    page.get_by_label("SD between schools").fill("6")
    page.get_by_label("SD inside schools").fill("6")
    expect(page.locator(".slider .reading")).to_contain_text("the ICC is 0.50")
    page.get_by_label("SD between schools").fill("0")
    expect(page.locator(".slider .reading")).to_contain_text("the ICC is 0.00")


def test_more_schools_help_where_more_pupils_hardly_do(opened):
    page = opened("power")
    page.get_by_label("Schools", exact=True).fill("20")
    page.get_by_label("Pupils in each").fill("10")
    reading = page.locator(".slider .reading")
    expect(reading).to_contain_text("20 schools with 10 pupils each, 200 in all")
    expect(reading).to_contain_text(
        "a chance of 0.61. Twice the schools: 0.90. With 50 pupils in each, 0.72."
    )


def test_the_lowest_point_of_the_surface_is_the_estimate_and_zero_is_allowed(opened):
    page = opened("surface")
    reading = page.locator(".slider .reading")
    expect(reading).to_contain_text("Both θ are 0, and that is allowed")
    page.get_by_label("θ of classrooms", exact=True).fill("0.7")
    expect(reading).to_contain_text("If the star lay here, the fit would be singular")
    expect(reading).to_contain_text("the school is predicted as all others")
    page.get_by_label("θ of schools", exact=True).fill("1")
    expect(reading).to_contain_text("This is the lowest point")
    expect(reading).to_contain_text("an SD of θσ = 4.7 points and schools with 6.7")
    expect(reading).to_contain_text("the school is predicted 13.7 points below")


@pytest.mark.parametrize("name", LESSONS)
def test_a_slider_keeps_to_a_narrow_page(opened, name):
    page = opened(name)
    page.set_viewport_size({"width": 390, "height": 844})
    box = page.locator(".slider").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert too_wide(page) == []


def test_a_slider_is_readable_for_all(opened):
    """Wide and dark; test_pages.py sees all pages wide and light, and narrow and dark."""
    page = opened("zero")
    page.emulate_media(color_scheme="dark")
    page.locator(".slider").scroll_into_view_if_needed()
    assert seen_by_axe(page) == []
