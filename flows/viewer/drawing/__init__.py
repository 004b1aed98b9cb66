"""Layouts of pictures: trees and charts."""
