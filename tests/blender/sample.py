"""Tests that go wrong in each way, for the test of what runs them: tests/unit/addon/test_inside.py."""

from __future__ import annotations

import os
import sys

import bpy
import pytest


@pytest.mark.parametrize("number", [1, 2])
def test_passes(number: int) -> None:
    assert "Cube" in bpy.data.objects


@pytest.mark.parametrize("number", [1, 2])
def test_fails(number: int) -> None:
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    assert number == 1


def test_comes_after_the_failure() -> None:
    assert "Cube" in bpy.data.objects


def test_is_skipped() -> None:
    pytest.skip("no reason")


def test_prints_an_error() -> None:
    print("Traceback (most recent call last):", file=sys.stderr)


def test_ends_blender() -> None:
    os._exit(7)


def test_is_behind_it() -> None:
    pass
