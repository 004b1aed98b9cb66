"""Places and lines of pictures: trees and charts."""
